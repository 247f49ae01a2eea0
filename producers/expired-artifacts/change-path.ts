/**
 * Turns changes of artifacts into records of `artifacts.expired`: artifacts that a change made deletable.
 *
 * It waits in place until an artifact's expiry has come and its transaction is visible, since the deleter would find
 * the row of an earlier record not due, or missing. The wait is bounded: afterwards the change goes back to the
 * runtime, which passes it in again.
 */
import { done, retry, skip, type Outcome } from '../../lib/runtime/outcome';
import { WaitError } from '../../lib/runtime/record-errors';
import type { ConsumedRecord } from '../../lib/runtime/subscription';
import type { Clock } from '../../lib/process/clock';
import type { SetAside } from '../../lib/metrics/set-aside';
import type { ReachStep } from '../../lib/process/steps';
import {
  committedUntilUs,
  decideChange,
  isCandidate,
  type ArtifactChange,
  type ReadChange,
} from './change';
import type { DatabaseGuard } from '../../lib/brake/database-guard';
import { readCommits, type Commits } from '../../lib/source/read-commits';
import type { PacedOutput } from './paced-output';
import type { ArtifactDatabase, DueArtifact } from './ports';
import { cutRecords } from './records';
import type { CommitState } from '../../lib/stores/postgres/commit-state';
import { isVisible, parseSnapshot } from '../../lib/stores/postgres/visibility';

/**
 * A micro-batch waits no longer than this, for an expiry, for visibility and for room together: less than a drain may
 * take, or it would delay every rebalance and every stop.
 */
const waitMaxMs = 6_000;
const roomWaitMinMs = 1_000;
const lookAgainMs = 50;

/** A record's value; null for a tombstone, which the publication never makes. */
export type ChangeRecord = ConsumedRecord<ReadChange | null>;

interface ChangePathDependencies {
  readonly database: Pick<ArtifactDatabase, 'readCommitState'>;
  readonly output: PacedOutput;
  readonly setAside: Pick<SetAside, 'add'>;
  readonly guard: Pick<
    DatabaseGuard,
    'latest' | 'noteSighting' | 'require' | 'requireSame' | 'timestampMs'
  >;
  readonly reach: ReachStep;
  readonly clock: Clock;
  readonly slackMs: number;
}

interface Pending {
  readonly index: number;
  readonly record: ChangeRecord;
  readonly change: ArtifactChange;
  /** It was not visible at the first check, or an earlier check may have seen that: the moment of visibility counts. */
  seenLate: boolean;
}

interface Ready {
  readonly index: number;
  readonly artifact: DueArtifact;
  readonly maybeRepeated: boolean;
}

interface Sorted {
  readonly ready: Ready[];
  readonly waiting: Pending[];
  /** When the earliest of those that only wait for their expiry is due. */
  readonly nextExpiryUs: number;
}

export class ChangePath {
  constructor(private readonly parts: ChangePathDependencies) {}

  /** @throws errors of a dependency, or DatabaseHoldError: then all of them come again, later. */
  async handle(records: readonly ChangeRecord[], signal: AbortSignal): Promise<Outcome[]> {
    const outcomes: Outcome[] = records.map(() => skip('superseded or not deletable'));
    const { clock } = this.parts;
    const giveUpAtMs = clock.nowMs() + waitMaxMs;
    let pending = this.#candidates(records, outcomes);
    while (pending.length > 0) {
      const state = await readCommits(this.parts, pending);
      const sorted = this.#sort(pending, state, outcomes);
      const roomMs = Math.max(giveUpAtMs - clock.nowMs(), roomWaitMinMs);
      const full = !(await this.#produce(sorted, state, roomMs, signal));
      for (const { index } of sorted.ready) outcomes[index] = full ? limitReached : done;
      pending = sorted.waiting;
      if (clock.nowMs() >= giveUpAtMs) break;
      if (pending.length > 0) await clock.sleep(pauseMs(sorted, state), signal);
    }
    for (const { index } of pending) outcomes[index] = notYet;
    return outcomes;
  }

  /**
   * The last change of each artifact in the micro-batch: it describes the row, and the changes that it supersedes add
   * nothing. Records of one key come in order. An artifact that is due but cannot be produced is set aside at once,
   * even if it has to wait: a change that corrects it comes here again.
   */
  #candidates(records: readonly ChangeRecord[], outcomes: Outcome[]): Pending[] {
    const last = new Map<string, Pending | null>();
    records.forEach((record, index) => {
      const change = record.value;
      if (change === null) return;
      if (change.odd !== null) {
        last.set(change.odd.id, null);
        if (!isCandidate(change)) return;
        this.parts.setAside.add(change.odd);
        outcomes[index] = skip('set aside');
        return;
      }
      const seenLate = record.attempt > 1 || record.maybeRepeated;
      last.set(`${change.partitionId}:${change.id}`, { index, record, change, seenLate });
    });
    return [...last.values()].flatMap((pending) =>
      pending !== null && isCandidate(pending.change) ? [pending] : [],
    );
  }

  #sort(pending: readonly Pending[], state: CommitState, outcomes: Outcome[]): Sorted {
    const snapshot = parseSnapshot(state.snapshot);
    const { slackMs } = this.parts;
    const sorted: Sorted = { ready: [], waiting: [], nextExpiryUs: Infinity };
    let nextExpiryUs = Infinity;
    for (const item of pending) {
      if (!isVisible(snapshot, item.change.transactionId)) {
        item.seenLate = true;
        sorted.waiting.push(item);
        continue;
      }
      const committedUs = committedUntilUs(item.change, slackMs);
      const untilUs = item.seenLate
        ? Math.max(committedUs, state.nowUs + slackMs * 1_000)
        : committedUs;
      const decision = decideChange(item.change, untilUs);
      if (decision.kind === 'leave') {
        outcomes[item.index] = skip(decision.reason);
      } else if (decision.artifact.expireAt < state.nowUs) {
        const { maybeRepeated } = item.record;
        sorted.ready.push({ index: item.index, artifact: decision.artifact, maybeRepeated });
      } else {
        sorted.waiting.push(item);
        nextExpiryUs = Math.min(nextExpiryUs, Number(decision.artifact.expireAt));
      }
    }
    return { ...sorted, nextExpiryUs };
  }

  /** @returns false when there was no room for too long. */
  async #produce(
    { ready }: Sorted,
    { readFrom }: Commits,
    roomMs: number,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (ready.length === 0) return true;
    const { database, guard, output, reach } = this.parts;
    const artifacts = ready.map(({ artifact }) => artifact);
    reach('change.decided');
    const limit = AbortSignal.timeout(roomMs);
    try {
      // When a change is read again the row may rightly be gone: no sign of a wrong database.
      const isAgain = ready.some(({ maybeRepeated }) => maybeRepeated);
      const records = cutRecords(artifacts, readFrom.origin, isAgain ? 'repair' : 'change');
      const confirm = async () => {
        const { database: current } = await database.readCommitState();
        guard.requireSame(current, readFrom);
      };
      await output.produce(records, AbortSignal.any([signal, limit]), { confirm });
    } catch (error) {
      if (limit.aborted && !signal.aborted) return false;
      throw error;
    }
    reach('change.records-produced');
    return true;
  }
}

const notYet = retry(new WaitError('The change is not visible in the database yet, or not due.'));
const limitReached = retry(
  new WaitError('As many artifacts are in flight as LOOP_LIMIT_ARTIFACTS allows.'),
);

function pauseMs({ waiting, nextExpiryUs }: Sorted, state: CommitState): number {
  const untilExpiryMs = Math.ceil((nextExpiryUs - state.nowUs) / 1_000) + 1;
  // Some transaction is not visible yet, and its visibility is not announced.
  const mustLook = waiting.some(({ seenLate }) => seenLate);
  const pause = mustLook ? Math.min(untilExpiryMs, lookAgainMs) : untilExpiryMs;
  return Math.min(Math.max(pause, 1), 1_000);
}
