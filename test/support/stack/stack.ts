/** The one real stack of a test run, for a test file. */
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Client, type ClientConfig } from 'pg';
import { secretFile } from '../../../ops/local/stack/data-folder';
import { attachStack, type RunningStack } from '../../../ops/local/stack/running-stack';
import type { Place } from '../../../ops/local/stack/server';
import { readStackFile } from '../../../ops/local/stack/stack-file';
import type { SourcePasswords } from '../../../ops/gitlab/schema';

/** Path of the running stack's `stack.json`; set by globalSetup, or by a developer who keeps a stack running. */
export const stackFileVariable = 'AFTERBUILD_STACK_FILE';

/** The database that every scenario clones; globalSetup makes it. */
export const templateDatabase = 'afterbuild_template';

export function currentStack(): RunningStack {
  const file = process.env[stackFileVariable];
  if (file === undefined) throw new Error(`${stackFileVariable} is not set: run the tests by npm`);
  return attachStack(dirname(file));
}

/** What the servers of the stack were configured from. */
export function placeOf(stack: RunningStack): Place {
  const file = readStackFile(stack.dataDir);
  if (!file) throw new Error(`no stack is described in ${stack.dataDir}`);
  return file.place;
}

export const readFile = (path: string): string => readFileSync(path, 'utf8').trim();

/** A superuser's connection: for actions of the cluster's owner. */
export function superuserConfig(stack: RunningStack): ClientConfig {
  const { postgres } = stack.addresses;
  return {
    host: postgres.host,
    port: postgres.port,
    user: postgres.superuser,
    password: readFile(postgres.superuserPasswordFile),
  };
}

export function sourcePasswords(stack: RunningStack): SourcePasswords {
  const password = (name: Parameters<typeof secretFile>[1]) =>
    readFile(secretFile(stack.dataDir, name));
  return {
    gitlab: password('postgres-gitlab'),
    afterbuild_cdc: password('postgres-cdc'),
    afterbuild_reader: password('postgres-reader'),
    afterbuild_deleter: password('postgres-deleter'),
    afterbuild_archiver: password('postgres-archiver'),
  };
}

/** Runs one piece of work as superuser on a connection of its own. */
export async function asSuperuser<T>(
  stack: RunningStack,
  database: string,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client({ ...superuserConfig(stack), database });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Thaws and starts servers that a failed scenario has left frozen or stopped; else it does nothing. */
export async function bringUp({ servers }: RunningStack): Promise<void> {
  for (const server of Object.values(servers)) {
    await server.kill('SIGCONT');
    await server.start();
  }
}
