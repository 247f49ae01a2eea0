/**
 * Detects a stall: for how long work has stood still without a known reason.
 *
 * A heartbeat proves that a process is alive, not that it works. So every second or so this compares what Kafka holds
 * for the process with what the process takes, finishes and commits. A wait for a dependency, an operator, a due time
 * or room has a known reason, and is no stall; neither is anything while Kafka itself does not answer.
 */
import type { PartitionState } from '../consumer';

export interface Seen {
  readonly joined: boolean;
  readonly partitions: readonly PartitionState[];
  /** Kafka answers how much is left, at the moment. */
  readonly isAnswered: boolean;
  /** The group has been silent for so long that it has given our partitions away. */
  readonly isSilent: boolean;
  readonly lastAcceptedCommitMs: number | null;
  /** Why the group accepts no commits, if it says so itself. */
  readonly commitsWaitFor: string | null;
  readonly commitsRefusedBy: string | null;
}

/** Work that may stand still: it does for as long as its mark stays the same. */
interface Suspicion {
  readonly of: string;
  readonly mark: string;
  readonly cause: string;
}

export interface Stall {
  readonly ms: number;
  /** In words; null while nothing stands still. */
  readonly cause: string | null;
}

export const noStall: Stall = { ms: 0, cause: null };

/** A frozen process has not checked meanwhile: that time counts for nothing. */
const lookMaxMs = 5_000;

export class StallDetector {
  readonly #graceMs: number;
  #standing: ReadonlyMap<string, { readonly mark: string; readonly ms: number }> = new Map();
  #lookedAtMs = 0;

  /** @param graceMs how long a rebalance may keep a partition from being read. */
  constructor(graceMs: number) {
    this.#graceMs = graceMs;
  }

  /** What stands still longest, as of this check. */
  look(seen: Seen, nowMs: number): Stall {
    const elapsedMs = Math.min(Math.max(0, nowMs - this.#lookedAtMs), lookMaxMs);
    this.#lookedAtMs = nowMs;
    const before = this.#standing;
    const now = new Map<string, { readonly mark: string; readonly ms: number }>();
    let worst = noStall;
    for (const { of, mark, cause, graceMs = 0 } of suspicions(seen, this.#graceMs)) {
      const known = before.get(of);
      const ms = known?.mark === mark ? known.ms + elapsedMs : 0;
      now.set(of, { mark, ms });
      if (ms - graceMs > worst.ms) worst = { ms: ms - graceMs, cause };
    }
    this.#standing = now;
    return worst;
  }
}

interface Graced extends Suspicion {
  readonly graceMs?: number;
}

/** Pure: what would be a stall if it stayed unchanged. */
export function suspicions(seen: Seen, graceMs: number): readonly Graced[] {
  const found: Graced[] = [];
  const { joined, partitions, isAnswered, isSilent } = seen;
  if (!isSilent && partitions.some(hasWork)) found.push(workOf(partitions));
  if (!isAnswered) return found;
  if (!joined) {
    const cause = 'the group’s coordinator answers, but the process does not become a member';
    return [...found, { of: 'member', mark: '', cause, graceMs }];
  }
  for (const partition of partitions) found.push(...notTaken(partition, graceMs));
  const { commitsWaitFor, commitsRefusedBy, lastAcceptedCommitMs } = seen;
  if (commitsWaitFor === null && partitions.some(({ isUncommitted }) => isUncommitted)) {
    const why = commitsRefusedBy === null ? '' : ` (${commitsRefusedBy})`;
    const cause = `what is done cannot be committed${why}`;
    found.push({ of: 'commits', mark: String(lastAcceptedCommitMs), cause, graceMs });
  }
  return found;
}

/** Of the whole process, for its slots are shared: records that only arrive do not move the mark. */
function workOf(partitions: readonly PartitionState[]): Suspicion {
  const done = partitions.map(({ topic, partition, doneBelow, doneBeyond }) =>
    [topic, partition, doneBelow, doneBeyond].join('/'),
  );
  return { of: 'work', mark: done.join(' '), cause: 'work is waiting, and nothing was finished' };
}

const hasWork = (partition: PartitionState): boolean =>
  partition.bufferedRecords > 0 &&
  partition.doneBelow !== null &&
  partition.halts.length === 0 &&
  partition.retryingLanes === 0 &&
  partition.held === null;

/** Each partition by itself: reading others does not bring its records nearer. */
function notTaken(state: PartitionState, graceMs: number): Graced[] {
  const { topic, partition, taken, logEnd, bufferedRecords, intakeHold } = state;
  // A partition without a position has no end to compare with: it is loaded while Kafka answers.
  const left = taken === null ? 1 : Math.max(0, (logEnd ?? 0) - taken);
  if (left === 0 || isNamed(intakeHold, bufferedRecords)) return [];
  const [of, mark] = [`${topic}/${partition}`, String(taken)];
  const cause =
    taken === null
      ? `${of} has no position although Kafka answers`
      : `${left} records of ${of} lie in Kafka and are not taken`;
  const isRebalance = intakeHold === 'draining' || intakeHold === 'loading';
  return [{ of, mark, cause, graceMs: isRebalance ? graceMs : 0 }];
}

/** Each has a known reason: an operator, a dependency, a due time, its lanes. */
const named = new Set<PartitionState['intakeHold']>(['halted', 'shut', 'not-due', 'lanes']);
/** Buffered records make room, and those are watched; without any there is no reason to wait. */
const room = new Set<PartitionState['intakeHold']>(['full', 'memory', 'window']);

const isNamed = (hold: PartitionState['intakeHold'], bufferedRecords: number): boolean =>
  named.has(hold) || (room.has(hold) && bufferedRecords > 0);
