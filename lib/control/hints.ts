/**
 * Hints between instances about unavailable dependencies. Pure.
 *
 * A hint has an owner and an end: the hint of an instance that dies with an open breaker counts for `hintForMs` at
 * most. It only makes the next failure of another instance open its breaker at once; it stops no instance.
 */
import type { BreakerHint, Control } from '../../schemas/generated';
import { breakerKey, subjectOf } from './control-key';

export const hintForMs = 60_000;
/** Renewed well before its end, so that one lost write is no gap. */
const renewBeforeMs = hintForMs / 2;

/** A breaker of this process, in the runtime's view. */
export interface OwnBreaker {
  readonly dependency: string;
  readonly state: 'closed' | 'open' | 'half-open';
  readonly cause: string;
}

/** The hints of other instances. */
export class Hints {
  readonly #hints = new Map<string, BreakerHint>();

  /** @param own `<process>/<instance>`: our own hints are ignored. */
  constructor(private readonly own: string) {}

  /** @returns the hint when another instance wrote it and it counts, else null. */
  put(decision: Control | null, key: string | null): BreakerHint | null {
    const subject = subjectOf(key);
    if (subject?.kind !== 'breaker' || key === null || subject.owner === this.own) return null;
    this.#hints.delete(key);
    const hint = decision?.breaker ?? null;
    if (hint === null) return null;
    this.#hints.set(key, hint);
    return hint;
  }

  forget(): void {
    this.#hints.clear();
  }

  current(nowMs: number): BreakerHint[] {
    return [...this.#hints.values()].filter(({ untilMs }) => untilMs > nowMs);
  }
}

/** A write to the topic; null removes the hint. */
export interface HintWrite {
  readonly key: string;
  readonly hint: BreakerHint | null;
}

/** The hints that we have written and must renew. */
export class OwnHints {
  readonly #said = new Map<string, BreakerHint>();

  constructor(private readonly own: string) {}

  /** The hints to be written now; the caller must call `written` for each that was. */
  due(breakers: readonly OwnBreaker[], nowMs: number): HintWrite[] {
    const open = breakers.filter(({ state }) => state !== 'closed');
    const begun = open.flatMap(({ dependency, state, cause }): HintWrite[] => {
      const said = this.#said.get(dependency);
      if (said?.state === state && said.untilMs - nowMs > renewBeforeMs) return [];
      const untilMs = nowMs + hintForMs;
      const hint = { dependency, owner: this.own, state, untilMs, cause: firstLine(cause) };
      return [{ key: breakerKey(dependency, this.own), hint }];
    });
    const ended = [...this.#said.keys()]
      .filter((dependency) => !open.some((one) => one.dependency === dependency))
      .map((dependency) => ({ key: breakerKey(dependency, this.own), hint: null }));
    return [...begun, ...ended];
  }

  written({ key, hint }: HintWrite): void {
    const subject = subjectOf(key);
    if (subject?.kind !== 'breaker') return;
    if (hint === null) this.#said.delete(subject.dependency);
    else this.#said.set(subject.dependency, hint);
  }
}

const causeMax = 200;
const firstLine = (cause: string): string => (cause.split('\n')[0] ?? '').slice(0, causeMax);
