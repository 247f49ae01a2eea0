/**
 * Commits finished offsets, from a timer: one commit at a time, each partition's prefix with its commit map.
 *
 * When the group refuses a commit because it has moved on, nothing is committed before the next join. While commits are
 * refused for any other reason, no record begins beyond one window of the map (`windowEnd`).
 */
import { StaleCommitError, type MembershipTimes } from '../../kafka/client-port';
import { isGroupUnable } from './commit-refusal';
import type { ConsumerMembership } from '../consumer';
import { asError } from '../../process/is-error';
import type { AssignedPartition } from './partition';
import type { ConsumerContext } from './context';
import type { PartitionCommit } from './partition-commits';

interface Pending {
  readonly partition: AssignedPartition;
  readonly commit: PartitionCommit;
}

export class Committer {
  readonly #context: ConsumerContext;
  readonly #partitions: () => Iterable<AssignedPartition>;
  readonly #onAccepted: () => void;
  #epoch = 0;
  #allowed = false;
  #inFlight: Promise<void> | null = null;
  #acceptedAtMs: number | null = null;

  /** @param onAccepted called when commits are accepted again: work that waited for that may go on. */
  constructor(
    context: ConsumerContext,
    partitions: () => Iterable<AssignedPartition>,
    onAccepted: () => void = () => undefined,
  ) {
    this.#context = context;
    this.#partitions = partitions;
    this.#onAccepted = onAccepted;
  }

  get state(): Omit<ConsumerMembership, keyof MembershipTimes> {
    const error = this.#context.commits.refusedBy;
    return {
      lastAcceptedCommitMs: this.#acceptedAtMs,
      commitsRefusedBy: error?.message ?? null,
      commitsWaitFor: error && isGroupUnable(error) ? error.message : null,
    };
  }

  /** A new assignment: commits from now on belong to this epoch. */
  allow(epoch: number): void {
    this.#epoch = epoch;
    this.#allowed = true;
    this.#acceptedAtMs ??= this.#context.clock.nowMs();
  }

  forbid(): void {
    this.#allowed = false;
  }

  /** One tick of the timer. */
  tick(): void {
    if (this.#inFlight || !this.#allowed) return;
    const pending = this.#collect();
    if (pending.length === 0) return;
    this.#inFlight = this.#commit(pending).finally(() => (this.#inFlight = null));
  }

  /**
   * Waits for a commit under way, then commits the rest. Twice, because the first may have failed for a reason that has
   * passed.
   */
  async flush(): Promise<void> {
    for (let round = 0; round < 2; round += 1) {
      await this.#inFlight;
      this.tick();
      await this.#inFlight;
    }
  }

  /** Only an answer of the group proves a commit. */
  async isReadBack(): Promise<boolean> {
    const partitions = [...this.#partitions()].filter((one) => one.commits && one.tracker);
    if (partitions.length === 0) return true;
    // The ends of the logs do not matter here, and their leaders may be unavailable.
    const tails = await this.#context.client.tails(partitions.map(({ at }) => at));
    return partitions.every((partition, index) => {
      const { tracker } = partition;
      if (!tracker || tracker.version === 0) return true;
      return tails[index]?.committed === tracker.doneBelow;
    });
  }

  #collect(): Pending[] {
    const pending: Pending[] = [];
    const nowMs = this.#context.clock.nowMs();
    for (const partition of this.#partitions()) {
      const { tracker } = partition;
      if (!tracker || partition.isLost || !partition.commits) continue;
      const commit = partition.progress.next(tracker, nowMs);
      if (commit) pending.push({ partition, commit });
    }
    return pending;
  }

  async #commit(pending: readonly Pending[]): Promise<void> {
    const epoch = this.#epoch;
    for (const { partition, commit } of pending) partition.progress.noteSent(commit);
    try {
      const committed = await this.#context.client.commit(
        epoch,
        pending.map(({ partition, commit: { offset, metadata } }) => ({
          ...partition.at,
          offset,
          metadata,
        })),
      );
      if (committed) this.#remember(pending);
    } catch (error) {
      this.#fail(asError(error), epoch);
    }
  }

  #remember(pending: readonly Pending[]): void {
    for (const { partition, commit } of pending) partition.progress.noteAccepted(commit);
    this.#acceptedAtMs = this.#context.clock.nowMs();
    this.#context.observer.committed(pending.length);
    const { commits } = this.#context;
    if (!commits.refusedBy) return;
    commits.refusedBy = null;
    this.#context.logger.info({ event: 'commit.recovered' }, 'offsets are committed again');
    this.#onAccepted();
  }

  #fail(error: Error, epoch: number): void {
    if (error instanceof StaleCommitError) {
      // A commit that was sent before the last join says nothing about this epoch.
      if (epoch === this.#epoch) this.#allowed = false;
      this.#context.logger.debug({ event: 'commit.stale', err: error }, 'the group has moved on');
      return;
    }
    const isKnown = this.#context.commits.refusedBy !== null;
    this.#context.commits.refusedBy = error;
    if (isKnown) return;
    this.#context.logger.warn(
      { event: 'commit.failing', err: error },
      'offsets cannot be committed: trying until they can',
    );
  }
}
