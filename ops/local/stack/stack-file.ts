/** `stack.json`: the running servers of a data folder, so that other processes can find, stop and start them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lock } from 'proper-lockfile';
import { secretFile, writeFileAtomically } from './data-folder';
import { authorityFile, kafkaAddresses } from './kafka-access';
import { objectStorageRegion, objectStorageUrl } from './object-storage';
import { superuser } from './postgres';
import type { ProcessIdentity } from './process-identity';
import { registryUrl } from './registry';
import { connectUrl } from './connect';
import { shapeOf, type Place, type ServerName } from './server';

const version = 1;

export interface Addresses {
  readonly kafkaBrokers: string;
  /** Only in a secure stack, in which clients log in (kafka-access.ts). */
  readonly kafkaAuthorityFile?: string;
  readonly connectUrl: string;
  /** Confluent's API. */
  readonly registryUrl: string;
  readonly postgres: {
    readonly host: string;
    readonly port: number;
    readonly superuser: string;
    readonly superuserPasswordFile: string;
    readonly systemIdentifier: string;
  };
  readonly redis: { readonly host: string; readonly port: number; readonly passwordFile: string };
  readonly s3: {
    readonly endpoint: string;
    readonly region: string;
    readonly accessKeyIdFile: string;
    readonly secretAccessKeyFile: string;
  };
}

export interface StackFile {
  readonly version: number;
  readonly place: Place;
  readonly addresses: Addresses;
  /** The process that must stop the servers at its end; absent: they run in the background. */
  readonly owner?: ProcessIdentity | undefined;
  readonly servers: Readonly<Partial<Record<ServerName, ProcessIdentity>>>;
}

export const stackFilePath = (dataDir: string): string => join(dataDir, 'stack.json');

export function describeStack(
  place: Place,
  identifier: string,
  owner: ProcessIdentity | undefined,
): StackFile {
  const secret = (name: Parameters<typeof secretFile>[1]): string =>
    secretFile(place.dataDir, name);
  return {
    version,
    place,
    owner,
    servers: {},
    addresses: {
      kafkaBrokers: kafkaAddresses(place),
      ...(shapeOf(place).isSecure && { kafkaAuthorityFile: authorityFile(place.dataDir) }),
      connectUrl: connectUrl(place),
      registryUrl: registryUrl(place),
      postgres: {
        host: '127.0.0.1',
        port: place.ports.postgres,
        superuser,
        superuserPasswordFile: secret('postgres-superuser'),
        systemIdentifier: identifier,
      },
      redis: { host: '127.0.0.1', port: place.ports.redis, passwordFile: secret('redis') },
      s3: {
        endpoint: objectStorageUrl(place),
        region: objectStorageRegion,
        accessKeyIdFile: secret('s3-access-key-id'),
        secretAccessKeyFile: secret('s3-secret-access-key'),
      },
    },
  };
}

/** @returns undefined when the folder holds no description of this version. */
export function readStackFile(dataDir: string): StackFile | undefined {
  try {
    const read = JSON.parse(readFileSync(stackFilePath(dataDir), 'utf8')) as StackFile;
    return read.version === version ? read : undefined;
  } catch {
    return undefined;
  }
}

export function writeStackFile(stack: StackFile): void {
  const text = `${JSON.stringify(stack, undefined, 2)}\n`;
  writeFileAtomically(stackFilePath(stack.place.dataDir), text, 0o600);
}

/** Changes the file under a lock: several processes stop and start servers of one stack. */
export async function updateStackFile(
  dataDir: string,
  change: (stack: StackFile) => StackFile,
): Promise<void> {
  const release = await lock(stackFilePath(dataDir), {
    realpath: false,
    retries: { retries: 200, minTimeout: 20, maxTimeout: 100 },
  });
  try {
    const stack = readStackFile(dataDir);
    if (stack !== undefined) writeStackFile(change(stack));
  } finally {
    await release();
  }
}
