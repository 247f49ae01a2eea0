/** One process of the pipeline, run as a user runs it, with its log lines at hand. */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { projectRoot } from '../../../lib/process/root';
import { until } from '../until';

export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly event?: string;
  readonly [field: string]: unknown;
}

interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class RunningProcess {
  readonly lines: LogLine[] = [];
  /** Output that is no JSON log line. */
  readonly noise: string[] = [];
  readonly exited: Promise<Exit>;
  exit: Exit | undefined;
  /** Set when the scenario expects a certain exit code. */
  mayFail = false;
  private readonly child: ChildProcess;

  constructor(
    readonly name: string,
    args: readonly string[],
    environment: Readonly<Record<string, string>>,
  ) {
    this.child = spawn(process.execPath, [join(projectRoot, 'dist/cli/main.js'), ...args], {
      env: { PATH: process.env['PATH'] ?? '', ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', (line) => this.take(line));
    }
    this.exited = new Promise((resolve) => {
      this.child.once('close', (code, signal) => {
        this.exit = { code, signal };
        resolve(this.exit);
      });
    });
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error(`${this.name} could not be started`);
    return this.child.pid;
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** SIGTERM, and the code it exits with. */
  async stop(): Promise<Exit> {
    if (this.exit) return this.exit;
    this.child.kill('SIGCONT');
    this.child.kill('SIGTERM');
    await until(`${this.name} stops after SIGTERM`, () => this.exit !== undefined, 30_000).catch(
      async (error: unknown) => {
        this.child.kill('SIGKILL');
        await this.exited;
        throw error;
      },
    );
    return this.exited;
  }

  events(event: string): LogLine[] {
    return this.lines.filter((line) => line.event === event);
  }

  /** Waits for a log line of that event; fails at once when the process ends without it. */
  async logged(
    event: string,
    match: (line: LogLine) => boolean = () => true,
    deadlineMs = 60_000,
  ): Promise<LogLine> {
    let found: LogLine | undefined;
    const look = () => {
      found = this.events(event).find(match);
      return found !== undefined || this.exit !== undefined;
    };
    await until(`${this.name} logs ${event}`, look, deadlineMs);
    if (!found) throw new Error(`${this.name} ended without logging ${event}:\n${this.tail()}`);
    return found;
  }

  /** Waits until a fail point has frozen the process with SIGSTOP. */
  async frozen(deadlineMs = 60_000): Promise<void> {
    const state = () => {
      const stat = readFileSync(`/proc/${this.pid}/stat`, 'utf8');
      return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
    };
    await until(`${this.name} is frozen`, () => state() === 'T', deadlineMs);
  }

  tail(): string {
    const lines = this.lines.slice(-15).map((line) => JSON.stringify(line));
    return [...lines, ...this.noise.slice(-15)].join('\n');
  }

  private take(text: string): void {
    try {
      const line: unknown = JSON.parse(text);
      if (typeof line === 'object' && line !== null && 'level' in line) {
        this.lines.push(line as LogLine);
        return;
      }
    } catch {
      // Not a log line: kept as noise, and reported when the scenario ends.
    }
    this.noise.push(text);
  }
}
