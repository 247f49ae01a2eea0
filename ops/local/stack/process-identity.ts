/** Distinguishes a process of ours from a foreign one that got its pid later, so that no foreign process is killed. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A pid together with its start time, which no later owner of that pid can share. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startedAt: string;
}

/** Fields of `/proc/<pid>/stat` after the name, which may itself hold spaces and brackets. */
export function parseProcStat(stat: string): { state: string; startTicks: string } | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state] = fields;
  const startTicks = fields[19];
  return state === undefined || startTicks === undefined ? undefined : { state, startTicks };
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function linuxStart(pid: number): string | undefined {
  const stat = readText(`/proc/${pid}/stat`);
  const parsed = stat === undefined ? undefined : parseProcStat(stat);
  // A zombie has ended; only its parent has not collected it yet.
  if (parsed === undefined || parsed.state === 'Z' || parsed.state === 'X') return undefined;
  const boot = readText('/proc/sys/kernel/random/boot_id')?.trim() ?? '';
  return `${boot}:${parsed.startTicks}`;
}

function otherStart(pid: number): string | undefined {
  const answer = spawnSync('ps', ['-o', 'state=,lstart=', '-p', String(pid)], {
    encoding: 'utf8',
    timeout: 5_000,
  });
  const line = answer.stdout.trim();
  return line === '' || line.startsWith('Z') ? undefined : line.replace(/^\S+\s+/, '');
}

/** @returns undefined when no such process runs (a zombie does not run). */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  const startedAt = process.platform === 'linux' ? linuxStart(pid) : otherStart(pid);
  return startedAt === undefined ? undefined : { pid, startedAt };
}

export function isRunning(identity: ProcessIdentity | undefined): boolean {
  return identity !== undefined && identifyProcess(identity.pid)?.startedAt === identity.startedAt;
}

/** Resident memory in bytes, or undefined where the platform does not show it without a tool. */
export function residentBytes(pid: number): number | undefined {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readText(`/proc/${pid}/status`) ?? '')?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}
