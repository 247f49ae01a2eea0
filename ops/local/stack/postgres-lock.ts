/**
 * Removes the stale lock file of a killed PostgreSQL.
 *
 * A killed server leaves `postmaster.pid`. PostgreSQL ignores it when no process has that pid, yet a zombie that a lazy
 * init has not collected, or a foreign process that got the pid after a reboot, makes it refuse. So the file is removed
 * when its owner does not run, once its shared memory is not used any more: the sessions of the dead server may outlive
 * it for a moment, and must not meet a new one on the same files.
 */
import { readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { identifyProcess } from './process-identity';

const sessionsEndWithinMs = 10_000;

interface PostmasterFile {
  readonly pid: number;
  /** Undefined when the server died before it had any. */
  readonly sharedMemoryId: string | undefined;
}

/** Line 1 is the pid, line 7 key and id of the shared memory. */
export function parsePostmasterFile(text: string): PostmasterFile {
  const lines = text.split('\n');
  const sharedMemoryId = lines[6]?.trim().split(/\s+/)[1];
  return { pid: Number(lines[0]), sharedMemoryId };
}

/** @param table the text of `/proc/sysvipc/shm`. */
export function attachedProcesses(table: string, sharedMemoryId: string): number {
  const row = table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .find((fields) => fields[1] === sharedMemoryId);
  return Number(row?.[6] ?? 0);
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function isPostgres(pid: number): boolean {
  const [program = ''] = (readText(`/proc/${pid}/cmdline`) ?? '').split('\0');
  return identifyProcess(pid) !== undefined && basename(program) === 'postgres';
}

/** Does nothing where there is no `/proc`: there init collects at once and PostgreSQL's own check is enough. */
export async function clearStaleLock(postgresDir: string): Promise<void> {
  const path = join(postgresDir, 'postmaster.pid');
  const text = readText(path);
  if (text === undefined || process.platform !== 'linux') return;
  const { pid, sharedMemoryId } = parsePostmasterFile(text);
  if (isPostgres(pid)) return;
  const deadline = performance.now() + sessionsEndWithinMs;
  const isUsed = (): boolean =>
    sharedMemoryId !== undefined &&
    attachedProcesses(readText('/proc/sysvipc/shm') ?? '', sharedMemoryId) > 0;
  while (isUsed() && performance.now() < deadline) await sleep(20);
  if (!isUsed()) rmSync(path, { force: true });
}
