/**
 * What instances tell each other about dependencies that are away. Pure.
 *
 * A hint has an owner and an end: whoever dies with an open breaker is believed for `hintForMs` at most.
 * And it is only a hint: it makes the next failure of another instance count at once, it stops nobody.
 */
import type { BreakerHint, Control } from '../../schemas/generated';
import { breakerKey, subjectOf } from './control-key';

export const hintForMs = 60_000;
/** Renewed well before its end, so that one lost write is no gap. */
const renewBeforeMs = hintForMs / 2;

/** A breaker of this process, as the runtime shows it. */
export interface OwnBreaker {
  readonly dependency: string;
  readonly state: 'closed' | 'open' | 'half-open';
  readonly cause: string;
}

/** What others say. */
export class Hints {
  readonly #hints = new Map<string, BreakerHint>();

  /** @param own `<process>/<instance>`: what we said ourselves is no news. */
  constructor(private readonly own: string) {}

  /** @returns the hint when it is another's and may be passed on, else null. */
  learn(decision: Control | null, key: string | null): BreakerHint | null {
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

/** A write to the topic; null takes the hint back. */
export interface HintWrite {
  readonly key: string;
  readonly hint: BreakerHint | null;
}

/** What we have said and have to say again. */
export class OwnHints {
  readonly #said = new Map<string, BreakerHint>();

  constructor(private readonly own: string) {}

  /** What is to be written now; `written` must follow for each that was. */
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
