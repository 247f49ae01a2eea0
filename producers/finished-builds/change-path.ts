/**
 * Turns changes of builds into records of `builds.finished`, one for each build.
 *
 * It waits in place until a change's transaction is visible in the database: the archiver reads the build there, and
 * would leave one that still looks unfinished to the stale sweep, twelve hours later. The wait is bounded: afterwards
 * the change goes back to the runtime, which passes it in again.
 */
import type { DatabaseGuard } from '../../lib/brake/database-guard';
import { readCommits } from '../../lib/source/read-commits';
import { done, retry, skip, type Outcome } from '../../lib/runtime/outcome';
import { WaitError } from '../../lib/runtime/record-errors';
import type { ConsumedRecord } from '../../lib/runtime/subscription';
import type { Clock } from '../../lib/process/clock';
import type { Logger } from '../../lib/process/logger';
import type { ReachStep } from '../../lib/process/steps';
import type { CommitState } from '../../lib/stores/postgres/commit-state';
import { isVisible, parseSnapshot } from '../../lib/stores/postgres/visibility';
import type { SetAside } from '../../lib/metrics/set-aside';
import { decideChange, isCandidate, type BuildChange, type ReadChange } from './change';
import type { BuildDatabase, FinishedBuild, FinishedTopic } from './ports';
import type { RecentBuilds } from './recent-builds';
import { keyOf, recordOf } from './records';

/** Less than a drain may take, or it would delay every rebalance and every stop. */
const waitMaxMs = 6_000;
/** Visibility is not announced, so it is polled. */
const lookAgainMs = 50;

/** A record's value; null for a tombstone, which the publication never makes. */
export type ChangeRecord = ConsumedRecord<ReadChange | null>;

interface ChangePathDependencies {
  readonly database: Pick<BuildDatabase, 'readCommitState'>;
  readonly topic: Pick<FinishedTopic, 'produce'>;
  readonly recent: RecentBuilds;
  readonly setAside: Pick<SetAside, 'add'>;
  readonly guard: Pick<DatabaseGuard, 'latest' | 'noteSighting' | 'require' | 'timestampMs'>;
  readonly reach: ReachStep;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Candidate {
  readonly key: string;
  readonly index: number;
  readonly record: ChangeRecord;
  readonly change: BuildChange;
  readonly build: FinishedBuild;
}

export class ChangePath {
  constructor(private readonly parts: ChangePathDependencies) {}

  /** @throws errors of a dependency, or DatabaseHoldError: then all of them come again, later. */
  async handle(records: readonly ChangeRecord[], signal: AbortSignal): Promise<Outcome[]> {
    const outcomes: Outcome[] = records.map(() => skip('a repeat'));
    const { clock } = this.parts;
    const giveUpAtMs = clock.nowMs() + waitMaxMs;
    let pending = this.#candidates(records, outcomes);
    while (pending.length > 0) {
      const state = await readCommits(this.parts, pending);
      const snapshot = parseSnapshot(state.snapshot);
      const [seen, unseen] = divide(pending, ({ change }) =>
        isVisible(snapshot, change.transactionId),
      );
      await this.#produce(seen, state);
      for (const { index } of seen) outcomes[index] = done;
      pending = unseen;
      if (clock.nowMs() >= giveUpAtMs) break;
      if (pending.length > 0) await clock.sleep(lookAgainMs, signal);
    }
    for (const { index } of pending) outcomes[index] = notYet;
    return outcomes;
  }

  /**
   * The last change of each finished build, unless this process produced the build lately. An erasure that comes later
   * in the same micro-batch wins: there is nothing left to archive.
   */
  #candidates(records: readonly ChangeRecord[], outcomes: Outcome[]): Candidate[] {
    const last = new Map<string, Candidate>();
    records.forEach((record, index) => {
      const change = record.value;
      if (change === null) return;
      if (change.odd !== null) {
        if (isCandidate(change)) this.parts.setAside.add(change.odd);
        outcomes[index] = skip('set aside, or not finished');
        return;
      }
      const key = keyOf(change);
      const decision = decideChange(change);
      last.delete(key);
      if (decision.kind === 'leave') outcomes[index] = skip(decision.reason);
      else last.set(key, { key, index, record, change, build: decision.build });
    });
    return [...last.values()].filter(({ key }) => !this.parts.recent.has(key));
  }

  async #produce(seen: readonly Candidate[], state: CommitState): Promise<void> {
    if (seen.length === 0) return;
    const { logger, reach, recent, topic } = this.parts;
    reach('finished.decided');
    await topic.produce(seen.map(({ build }) => recordOf(build, state.database, 'change')));
    reach('finished.records-produced');
    for (const { key } of seen) recent.add(key);
    logger.debug({ event: 'finished.produced', builds: seen.length }, 'finished builds produced');
  }
}

const notYet = retry(new WaitError('The change is not visible in the database yet.'));

function divide<T>(items: readonly T[], belongs: (item: T) => boolean): [T[], T[]] {
  const [inside, outside]: [T[], T[]] = [[], []];
  for (const item of items) (belongs(item) ? inside : outside).push(item);
  return [inside, outside];
}
