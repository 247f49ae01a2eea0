/** Counts the letters of one dead-letter topic. */
import type { DeadLetter } from './dead-letter';

export interface Cause {
  readonly errorKind: string;
  /** null for what is no poison. */
  readonly reason: string | null;
  readonly errorClass: string;
  readonly count: number;
}

/** Decisions of operators about some of them. */
interface Decided {
  readonly kind: NonNullable<DeadLetter['settled']>;
  readonly by: string;
  readonly atMs: number | null;
  readonly why: string;
  readonly count: number;
}

export interface DeadLetterSummary {
  /** Letters without a decision. */
  readonly waiting: number;
  readonly redriven: number;
  readonly parked: number;
  /** Latest failures of those that wait; null when none does. */
  readonly oldestAtMs: number | null;
  readonly newestAtMs: number | null;
  /** Of those that wait, the most frequent first. */
  readonly causes: readonly Cause[];
  /** The latest first. */
  readonly decisions: readonly Decided[];
}

export function summarize(letters: readonly DeadLetter[]): DeadLetterSummary {
  const causes = new Map<string, Cause>();
  const counts = { waiting: 0, redriven: 0, parked: 0 };
  let oldestAtMs = Infinity;
  let newestAtMs = -Infinity;
  for (const letter of letters) {
    counts[letter.settled ?? 'waiting'] += 1;
    if (letter.settled !== null) continue;
    oldestAtMs = Math.min(oldestAtMs, letter.lastFailureAtMs);
    newestAtMs = Math.max(newestAtMs, letter.lastFailureAtMs);
    const cause = causeOf(letter);
    const name = `${cause.errorKind}/${String(cause.reason)}/${cause.errorClass}`;
    causes.set(name, { ...cause, count: (causes.get(name)?.count ?? 0) + 1 });
  }
  return {
    ...counts,
    oldestAtMs: counts.waiting === 0 ? null : oldestAtMs,
    newestAtMs: counts.waiting === 0 ? null : newestAtMs,
    causes: [...causes.values()].sort((a, b) => b.count - a.count),
    decisions: decisionsOf(letters),
  };
}

function decisionsOf(letters: readonly DeadLetter[]): Decided[] {
  const decided = new Map<string, Decided>();
  for (const { settled: kind, decision } of letters) {
    if (kind === null || decision === null) continue;
    const name = JSON.stringify([kind, decision]);
    decided.set(name, { kind, ...decision, count: (decided.get(name)?.count ?? 0) + 1 });
  }
  return [...decided.values()].sort((a, b) => (b.atMs ?? 0) - (a.atMs ?? 0));
}

const causeOf = ({ errorKind, reason, errorClass }: DeadLetter): Omit<Cause, 'count'> => ({
  errorKind: errorKind ?? 'unknown',
  reason,
  errorClass: errorClass ?? 'unknown',
});
