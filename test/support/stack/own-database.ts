/**
 * A PostgreSQL server of its own for a scenario that changes the server's history. The shared one could not be used
 * again: once it is on another timeline, the records of every later scenario are held.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { applySourceSchema } from '../../../ops/gitlab/schema';
import { choosePostgresDir, prepareDataFolder } from '../../../ops/local/stack/data-folder';
import { choosePorts, isPortFree } from '../../../ops/local/stack/ports';
import { systemIdentifier } from '../../../ops/local/stack/postgres';
import { identifyProcess } from '../../../ops/local/stack/process-identity';
import {
  attachStack,
  startServer,
  type RunningStack,
} from '../../../ops/local/stack/running-stack';
import type { Place } from '../../../ops/local/stack/server';
import {
  describeStack,
  updateStackFile,
  writeStackFile,
} from '../../../ops/local/stack/stack-file';
import { placeOf, sourcePasswords, superuserConfig, templateDatabase } from './stack';

export interface OwnDatabase {
  /** The shared stack, with this server in the place of its PostgreSQL. */
  readonly stack: RunningStack;
  /** Stops the server and removes its data. */
  readonly drop: () => Promise<void>;
}

/** A free port for one more PostgreSQL server. */
export async function anotherPort(): Promise<number> {
  const wishes = { configured: {}, remembered: {}, isFree: isPortFree, random: Math.random };
  return (await choosePorts(wishes)).postgres;
}

/** Starts an empty server with passwords and a template database of its own. */
export async function startOwnDatabase(shared: RunningStack): Promise<OwnDatabase> {
  const dataDir = mkdtempSync(join(tmpdir(), 'afterbuild-database-'));
  prepareDataFolder(dataDir);
  const { dir: postgresDir } = choosePostgresDir(dataDir, placeOf(shared).databaseUser);
  const { ports, ...rest } = placeOf(shared);
  const place = {
    ...rest,
    dataDir,
    postgresDir,
    ports: { ...ports, postgres: await anotherPort() },
  };
  const drop = async (): Promise<void> => {
    await attachStack(dataDir).servers.postgres.stop();
    for (const folder of [postgresDir, dataDir]) rmSync(folder, { recursive: true, force: true });
  };
  try {
    const stack = await start(shared, place);
    const passwords = sourcePasswords(stack);
    await applySourceSchema(superuserConfig(stack), { database: templateDatabase, passwords });
    return { stack, drop };
  } catch (error) {
    await drop();
    throw error;
  }
}

async function start(shared: RunningStack, place: Place): Promise<RunningStack> {
  const { dataDir } = place;
  const described = (identifier: string) => {
    const own = describeStack(place, identifier, identifyProcess(process.pid));
    const { postgres } = own.addresses;
    return { ...own, addresses: { ...shared.addresses, postgres } };
  };
  writeStackFile(described(''));
  await startServer('postgres', place);
  const identifier = await systemIdentifier(place);
  await updateStackFile(dataDir, ({ servers }) => ({ ...described(identifier), servers }));
  const { addresses, servers, stop } = attachStack(dataDir);
  return {
    dataDir,
    addresses,
    servers: { ...shared.servers, postgres: servers.postgres },
    stop,
  };
}
