/**
 * A supervisor for the processes of the pipeline that also disturbs them: a process that ends is replaced, and one that
 * ends by itself is recorded.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProcessName } from '../../lib/process/processes';
import { projectRoot } from '../../lib/process/root';
import { lastLines } from '../local/stack/server-process';

interface Member {
  readonly name: ProcessName;
  /** Names it and its log file: process and number. */
  readonly label: string;
}

interface Running extends Member {
  readonly child: ChildProcess;
  readonly log: string;
  /** The supervisor has ended it. */
  isOurs: boolean;
  isReplaced: boolean;
}

interface SupervisorOptions {
  readonly dataDir: string;
  readonly environmentOf: (name: ProcessName) => Readonly<Record<string, string>>;
}

/** A process that cannot reach its servers at the start may give up (exit code 4). */
const gaveUpWaiting = 4;
const stopWithinMs = 60_000;

export class Supervisor {
  /** How and why members ended by themselves. */
  readonly ends: string[] = [];
  /** How often one gave up waiting for a server at its start, and was restarted. */
  gaveUp = 0;
  private readonly running = new Map<string, Running>();
  private number = 0;
  private isStopping = false;

  constructor(private readonly options: SupervisorOptions) {}

  members(): readonly Member[] {
    return [...this.running.values()];
  }

  start(name: ProcessName, extra: Readonly<Record<string, string>> = {}): string {
    const { dataDir, environmentOf } = this.options;
    this.number += 1;
    const label = `${name}-${this.number}`;
    mkdirSync(join(dataDir, 'logs'), { recursive: true });
    const log = join(dataDir, 'logs', `${label}.log`);
    const output = openSync(log, 'a');
    const child = spawn(
      process.execPath,
      ['--enable-source-maps', join(projectRoot, 'dist/cli/main.js'), 'run', name],
      {
        env: { PATH: process.env['PATH'], ...environmentOf(name), ...extra },
        stdio: ['ignore', output, output],
      },
    );
    closeSync(output);
    const member: Running = { name, label, child, log, isOurs: false, isReplaced: true };
    this.running.set(label, member);
    child.once('exit', (code, signal) => this.ended(member, code, signal));
    return label;
  }

  /** Kills one; another takes its place. */
  kill(label: string): void {
    this.signal(label, 'SIGKILL');
  }

  /** Stops one; another takes its place. */
  retire(label: string): void {
    this.signal(label, 'SIGTERM');
  }

  /** Stops one without a replacement. */
  dismiss(label: string): void {
    const member = this.running.get(label);
    if (!member) return;
    member.isReplaced = false;
    this.signal(label, 'SIGTERM');
  }

  /** It may find itself expelled when it returns; ending for that reason would be a fault of its own. */
  async freeze(label: string, ms: number, signal: AbortSignal): Promise<void> {
    this.running.get(label)?.child.kill('SIGSTOP');
    await sleep(ms, undefined, { signal }).catch(() => undefined);
    this.running.get(label)?.child.kill('SIGCONT');
  }

  /** All, sources first. @returns those that had to be killed. */
  async stop(): Promise<string[]> {
    this.isStopping = true;
    const late: string[] = [];
    for (const { child, label } of [...this.running.values()]) {
      const ended = once(child, 'exit');
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      const timer = setTimeout(() => {
        late.push(label);
        child.kill('SIGKILL');
      }, stopWithinMs);
      await ended;
      clearTimeout(timer);
    }
    return late;
  }

  private signal(label: string, signal: NodeJS.Signals): void {
    const member = this.running.get(label);
    if (!member) return;
    member.isOurs = true;
    member.child.kill(signal);
  }

  private ended(member: Running, code: number | null, signal: NodeJS.Signals | null): void {
    const { label, name, log, isOurs } = member;
    this.running.delete(label);
    if (this.isStopping) return;
    if (!isOurs && code === gaveUpWaiting && !hasJoined(log)) this.gaveUp += 1;
    else if (!isOurs) {
      const how = signal ?? `exit code ${String(code)}`;
      this.ends.push(`${label} ended by itself (${how}): ${lastLines(log, 3)}`);
    }
    if (member.isReplaced) this.start(name);
  }
}

const hasJoined = (log: string): boolean => readFileSync(log, 'utf8').includes('"group.joined"');
