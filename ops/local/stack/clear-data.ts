/** Removes a stack's files from its data folder, and no others. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { choosePostgresDir } from './data-folder';
import { databaseUser } from './os-user';

const ours = [
  'config',
  'gitlab',
  'kafka',
  'logs',
  'objects',
  'postgres',
  'postgres.password',
  'processes.json',
  'redis',
  'registry',
  'secrets',
  'stack.json',
];

/** The servers must be down. Ports stay remembered. */
export function clearData(dataDir: string): void {
  if (!existsSync(dataDir)) return;
  const { dir, barred } = choosePostgresDir(dataDir, databaseUser());
  for (const name of ours) rmSync(join(dataDir, name), { recursive: true, force: true });
  if (barred !== undefined) rmSync(dirname(dir), { recursive: true, force: true });
}

/** @throws Error when the folder holds a file that no stack makes. */
export function refuseForeignFolder(dataDir: string): void {
  if (!existsSync(dataDir)) return;
  const names = readdirSync(dataDir);
  if (names.length === 0 || names.includes('ports.json') || names.includes('stack.owner')) return;
  throw new Error(
    `${dataDir} holds other files (${names.slice(0, 3).join(', ')}); name an empty or a new folder with --data.`,
  );
}
