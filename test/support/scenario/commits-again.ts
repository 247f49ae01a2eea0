/** Checks, while something is broken, whether groups commit, and whether their processes report it when they do not. */
import { setTimeout as wait } from 'node:timers/promises';
import type { BothFlows } from './both-flows';
import { report } from '../faults';
import type { RunningProcess } from './running-process';
import { until } from '../until';
import { ask } from './health-pages';

/** From a fault to the next commit that a group accepts. */
export const commitsWithinMs = 30_000;
/** Answers that the group had begun before the fault do not count. */
const settledMs = 1_000;

/** One reading of a process. */
interface Look {
  readonly atMs: number;
  readonly isReady: boolean;
  /** Why it is not ready, or what it waits for. */
  readonly says: readonly string[];
  readonly acceptedAtMs: number;
  /** By Kafka's last answers; null while it does not answer. */
  readonly workLeft: number | null;
}

/** Kafka is asked every five seconds. */
const answeredWithinS = 6;

async function lookAt(process: RunningProcess): Promise<Look> {
  const atMs = Date.now();
  const [ready, metrics] = [await ask(process, '/readyz'), await ask(process, '/metrics')];
  const { causes, held } = JSON.parse(ready.text) as { causes: string[]; held: string[] };
  const valuesOf = (name: string): number[] =>
    [...metrics.text.matchAll(new RegExp(`^${name}\\{[^}]*\\} (\\S+)$`, 'gm'))].map(([, value]) =>
      Number(value),
    );
  const [age] = valuesOf('afterbuild_commit_age_seconds');
  const [answerAge = Infinity] = valuesOf('afterbuild_work_left_age_seconds');
  const left = valuesOf('afterbuild_work_left_records').reduce((sum, one) => sum + one, 0);
  return {
    atMs,
    isReady: ready.status === 200,
    says: [...causes, ...held],
    acceptedAtMs: age === undefined ? 0 : Date.now() - 1_000 * age,
    workLeft: answerAge < answeredWithinS ? left : null,
  };
}

/** Waits until every group has accepted a commit, of the process that it had before the fault. @returns the seconds. */
export async function commitAgain(
  what: string,
  processes: readonly RunningProcess[],
  faultAtMs: number,
  withinMs = commitsWithinMs,
): Promise<Readonly<Record<string, number>>> {
  const seconds: Record<string, number> = {};
  const leftMs = faultAtMs + withinMs - Date.now();
  await until(
    `${what}: every group commits again`,
    async () => {
      for (const process of processes) {
        if (process.exit) throw new Error(`${process.name} has ended:\n${process.tail()}`);
        if (seconds[process.name] !== undefined) continue;
        const { acceptedAtMs, says } = await lookAt(process);
        if (acceptedAtMs < faultAtMs + settledMs) {
          throw new Error(`${process.name} does not: ${says.join('; ')}`);
        }
        seconds[process.name] = (acceptedAtMs - faultAtMs) / 1_000;
      }
      return true;
    },
    Math.max(0, leftMs),
  );
  report(what, seconds);
  return seconds;
}

/** Artifacts expire and builds finish all the time, so that every group has something to commit. */
export class Trickle {
  #isOver = false;
  readonly #flow: Promise<void>;

  constructor(flows: BothFlows, everyMs = 700) {
    this.#flow = this.#run(flows, everyMs);
    this.#flow.catch(() => undefined);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#flow;
  }

  async #run(flows: BothFlows, everyMs: number): Promise<void> {
    while (!this.#isOver) {
      await flows.more({ artifacts: 4, traces: 1, announced: false });
      await wait(everyMs);
    }
  }
}

/** By then /readyz must name why no commit was accepted: after 22 s without an answer, or three looks at the log. */
const looksWellMs = 35_000;

/** For how long there has been work and no commit, as far as the readings show. */
class Standing {
  #workSinceMs: number | null = null;

  msAt({ atMs, acceptedAtMs, workLeft }: Look): number {
    this.#workSinceMs = workLeft === 0 ? null : (this.#workSinceMs ?? atMs);
    if (this.#workSinceMs === null) return 0;
    return Math.max(0, atMs - Math.max(this.#workSinceMs, acceptedAtMs));
  }
}

/** All readings of the processes. */
interface Seen {
  /** The longest time that each stood still, in seconds. */
  readonly stoodSeconds: Readonly<Record<string, number>>;
  /** Processes that stood still and reported that all is well. */
  readonly lies: readonly string[];
}

/** Reads the state of the processes again and again. */
export class Watch {
  #isOver = false;
  readonly #stood: Record<string, number> = {};
  readonly #lies: string[] = [];
  readonly #looking: Promise<unknown>;

  constructor(processes: readonly RunningProcess[]) {
    this.#looking = Promise.all(processes.map((process) => this.#watch(process)));
  }

  async stop(): Promise<Seen> {
    this.#isOver = true;
    await this.#looking;
    return { stoodSeconds: this.#stood, lies: this.#lies };
  }

  async #watch(process: RunningProcess): Promise<void> {
    const { name } = process;
    const standing = new Standing();
    while (!this.#isOver && !process.exit) {
      // A process that does not answer does not report that all is well.
      const look = await lookAt(process).catch(() => null);
      const ms = look ? standing.msAt(look) : 0;
      this.#stood[name] = Math.max(this.#stood[name] ?? 0, Math.round(ms / 100) / 10);
      if (look && ms > looksWellMs && look.says.length === 0) {
        this.#lies.push(`${name} looks well: ${JSON.stringify(look)}`);
      }
      await wait(1_000);
    }
  }
}
