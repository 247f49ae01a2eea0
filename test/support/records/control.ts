/** Decisions in the form that they have on `afterbuild.control`. */
import type { Clock } from '../../../lib/process/clock';
import { flagKey } from '../../../lib/control/control-key';
import type { Control } from '../../../schemas/generated';

const nothing = { acceptedDatabase: null, flag: null, breaker: null };

export interface Decided {
  readonly key: string;
  readonly value: Control;
}

/** A flag, set at 1,000 by anna. */
export function flag(
  process: string,
  name: string,
  value: string,
  expiresAtMs: number | null = null,
): Decided {
  const said = { author: 'anna', reason: 'maintenance', atMs: 1_000 };
  const own = { process, name, value, expiresAtMs };
  return { key: flagKey(process, name), value: { kind: 'flag', ...said, ...nothing, flag: own } };
}

export function breakerHint(owner: string, dependency: string, untilMs: number): Decided {
  const hint = { dependency, owner, state: 'open', untilMs, cause: 'refused' };
  const said = { author: owner, reason: 'refused', atMs: 1_000 };
  const value = { kind: 'breaker', ...said, ...nothing, breaker: hint };
  return { key: `breaker/${dependency}/${owner}`, value };
}

/** A clock that the test moves; `tick` is one round of the timers. */
export class HandClock implements Clock {
  ms = 1_000;
  readonly #ticks = new Set<() => void>();

  nowMs(): number {
    return this.ms;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.ms += ms;
    await new Promise((resolve) => setImmediate(resolve));
    signal?.throwIfAborted();
  }

  every(_: number, tick: () => void): () => void {
    this.#ticks.add(tick);
    return () => this.#ticks.delete(tick);
  }

  /** @returns when the work that the timers began has had its turn. */
  async tick(ms = 1_000): Promise<void> {
    this.ms += ms;
    for (const tick of this.#ticks) tick();
    await new Promise((resolve) => setImmediate(resolve));
  }
}
