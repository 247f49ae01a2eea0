/** The layout of a local stack's data folder, and the passwords generated there. */
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { barredFolder, type OsUser } from './os-user';

export const secretNames = [
  'postgres-superuser',
  'postgres-gitlab',
  'postgres-cdc',
  'postgres-reader',
  'postgres-deleter',
  'postgres-archiver',
  'redis',
  's3-access-key-id',
  's3-secret-access-key',
] as const;

export type SecretName = (typeof secretNames)[number];

export const secretFile = (dataDir: string, name: SecretName): string =>
  join(dataDir, 'secrets', name);

/** The only folder that Kafka Connect's file provider may read; it holds `cdc.properties`. */
export const connectSecretsDir = (dataDir: string): string => join(dataDir, 'secrets', 'connect');

/** The CDC role's password as the property `password`, for `${file:<path>:password}` in a connector. */
const cdcPropertiesFile = (dataDir: string): string =>
  join(connectSecretsDir(dataDir), 'cdc.properties');

export const logFile = (dataDir: string, name: string): string =>
  join(dataDir, 'logs', `${name}.log`);

/** Writes a temporary file and renames it, so that neither a reader nor a crash sees half a file. */
export function writeFileAtomically(path: string, text: string, mode = 0o644): void {
  const draft = `${path}.${process.pid}.new`;
  writeFileSync(draft, text, { mode });
  renameSync(draft, path);
}

/**
 * Java reads a properties file as Latin-1: a path with any other letter would name another folder, which Kafka would
 * create beside this one.
 */
export const asJavaProperties = (text: string): string =>
  text.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** Reads a generated password. */
export function readSecretFile(dataDir: string, name: SecretName): string {
  return readFileSync(secretFile(dataDir, name), 'utf8').trim();
}

function ensureSecret(dataDir: string, name: SecretName): void {
  const path = secretFile(dataDir, name);
  if (!existsSync(path)) writeFileAtomically(path, `${randomBytes(20).toString('hex')}\n`, 0o600);
}

/** Makes missing folders and passwords; existing passwords never change. */
export function prepareDataFolder(dataDir: string): void {
  mkdirSync(dataDir, { recursive: true, mode: 0o755 });
  for (const folder of ['config', 'logs', 'objects', 'redis', 'registry']) {
    mkdirSync(join(dataDir, folder), { recursive: true });
  }
  mkdirSync(connectSecretsDir(dataDir), { recursive: true, mode: 0o700 });
  for (const name of secretNames) ensureSecret(dataDir, name);
  const cdcProperties = cdcPropertiesFile(dataDir);
  if (!existsSync(cdcProperties)) {
    const password = readSecretFile(dataDir, 'postgres-cdc');
    writeFileAtomically(cdcProperties, `password=${password}\n`, 0o600);
  }
}

/**
 * PostgreSQL's own folder: in the data folder, unless PostgreSQL has to run as another user (we are root) who may not
 * enter the data folder; then below `/var/lib/afterbuild`, named after the data folder.
 */
export function choosePostgresDir(
  dataDir: string,
  user: OsUser | undefined,
): { readonly dir: string; readonly barred?: string } {
  const inside = join(dataDir, 'postgres');
  if (user === undefined) return { dir: inside };
  // Only its owner may list a temporary folder; others can only pass through it.
  const { mode } = statSync(dataDir);
  chmodSync(dataDir, mode | 0o011);
  const barred = barredFolder(dataDir, user);
  if (barred === undefined) return { dir: inside };
  const key = createHash('sha256').update(dataDir).digest('hex').slice(0, 12);
  const clone = basename(dirname(dataDir));
  return { dir: join('/var/lib/afterbuild', `${clone}-${key}`, 'postgres'), barred };
}
