/**
 * The flags that operators have set for a process, collected from `afterbuild.control`. Pure.
 *
 * A flag of one process overrides a flag of all processes. Pause and dry-run hold when either is set, so that an old
 * flag of one process never defeats a stop of all. Expiry is by the clock of the reading process.
 */
import type { Control } from '../../schemas/generated';
import { subjectOf } from './control-key';
import {
  flagDefinitions,
  type GuardMode,
  guardModes,
  isFlagName,
  refuseFlag,
  type FlagName,
} from './flag-definitions';
import { everyProcess, type ProcessName } from '../process/processes';

export interface FlagInForce {
  /** A process's name or `all`. */
  readonly process: string;
  readonly name: FlagName;
  readonly value: string;
  readonly author: string;
  readonly reason: string;
  readonly atMs: number;
  readonly expiresAtMs: number | null;
}

/** How a process should work now. Null: as its settings say. */
export interface Effective {
  readonly paused: boolean;
  /** Of all instances together. */
  readonly recordsPerSecond: number | null;
  /** Of one instance. */
  readonly concurrency: number | null;
  readonly loopLimit: number | null;
  readonly dryRun: boolean;
  readonly redisGuard: GuardMode;
}

export const withoutFlags: Effective = {
  paused: false,
  recordsPerSecond: null,
  concurrency: null,
  loopLimit: null,
  dryRun: false,
  redisGuard: 'off',
};

export class Flags {
  readonly #flags = new Map<string, FlagInForce>();

  /**
   * In the order of the topic.
   * @param decision null removes the flag under the key.
   * @returns why a flag was ignored (written by a newer version, or by hand); null otherwise.
   */
  put(decision: Control | null, key: string | null): string | null {
    const subject = subjectOf(key);
    if (subject?.kind !== 'flag' || key === null) return null;
    // The earlier flag ends, even when this version does not understand the new one.
    this.#flags.delete(key);
    if (decision === null) return null;
    const { flag, author, reason, atMs } = decision;
    if (flag === null) return `${key} carries no flag.`;
    const { process, name } = subject;
    if (flag.process !== process || flag.name !== name) {
      return `${key} carries the flag ${flag.name} of ${flag.process}.`;
    }
    const refusal = refuseFlag(process, name, flag.value);
    if (refusal !== null || !isFlagName(name)) return refusal;
    const { value, expiresAtMs } = flag;
    this.#flags.set(key, { process, name, value, author, reason, atMs, expiresAtMs });
    return null;
  }

  /** Forgets every flag; the topic is read again from its beginning. */
  forget(): void {
    this.#flags.clear();
  }

  /** Flags of every process, by process and name. */
  inForce(nowMs: number): FlagInForce[] {
    return [...this.#flags.values()]
      .filter(({ expiresAtMs }) => expiresAtMs === null || expiresAtMs > nowMs)
      .sort((a, b) => (`${a.process}/${a.name}` < `${b.process}/${b.name}` ? -1 : 1));
  }

  /** The flags that apply to this process: each name once. */
  of(process: ProcessName, nowMs: number): FlagInForce[] {
    const inForce = this.inForce(nowMs);
    const own = inForce.filter((flag) => flag.process === process);
    const ofAll = inForce.filter(
      ({ process: one, name }) =>
        one === everyProcess &&
        flagDefinitions[name].processes.includes(process) &&
        !own.some((flag) => flag.name === name),
    );
    return [...own, ...ofAll];
  }

  effective(process: ProcessName, nowMs: number): Effective {
    const flags = this.of(process, nowMs);
    const read = (name: FlagName): number | null => {
      const flag = flags.find((one) => one.name === name);
      return flag === undefined ? null : flagDefinitions[name].read(flag.value);
    };
    return {
      paused: read('pause') !== null,
      recordsPerSecond: read('rate'),
      concurrency: read('concurrency'),
      loopLimit: read('loop-limit'),
      dryRun: read('dry-run') !== null,
      redisGuard: guardModes[read('redis-guard') ?? 0] ?? 'off',
    };
  }
}
