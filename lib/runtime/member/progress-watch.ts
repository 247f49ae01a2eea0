/** Checks every second whether the consumer makes progress, and ends the process when a micro-batch hangs. */
import { StalledError } from '../../process/stalled-error';
import type { ConsumerState } from '../consumer';
import { LogLook } from './log-ends';
import type { AssignedPartition } from '../partitions/partition';
import { noStall, StallWatch, type Stall } from './stall-detector';
import type { ConsumerContext } from '../partitions/context';

export interface Watched {
  partitions(): Iterable<AssignedPartition>;
  /** Lost partitions with a micro-batch that still runs. */
  leftovers(): Iterable<AssignedPartition>;
  state(): ConsumerState;
  /** The group has been silent for so long that it has given our partitions away. */
  isSilent(): boolean;
}

export class ProgressWatch {
  readonly #around: ConsumerContext;
  readonly #watched: Watched;
  readonly #look: LogLook;
  readonly #stalls: StallWatch;
  #stall = noStall;

  constructor(around: ConsumerContext, watched: Watched) {
    const { drainMs, rebalanceTimeoutMs, sessionTimeoutMs } = around.settings;
    this.#around = around;
    this.#watched = watched;
    this.#look = new LogLook(around, () => watched.partitions());
    this.#stalls = new StallWatch(drainMs + rebalanceTimeoutMs + sessionTimeoutMs);
  }

  /** For how long work has stood still without a known reason, and which work. */
  get stall(): Stall {
    return this.#stall;
  }

  get look(): Pick<LogLook, 'silentBy' | 'answeredAtMs'> {
    return this.#look;
  }

  /** One tick of the timer. */
  tick(): void {
    const nowMs = this.#around.clock.nowMs();
    this.#look.tick();
    const { joined, partitions, membership } = this.#watched.state();
    const seen = {
      ...{ joined, partitions, ...membership },
      isAnswered: this.#look.isAnswered,
      isSilent: this.#watched.isSilent(),
    };
    this.#stall = this.#stalls.look(seen, nowMs);
    this.#endWhatHangs(nowMs);
  }

  /** The fetch loop keeps a hung process in the group for ever, so this process needs a deadline of its own. */
  #endWhatHangs(nowMs: number): void {
    const { progressDeadlineMs } = this.#around.settings;
    const watched = [...this.#watched.partitions(), ...this.#watched.leftovers()];
    const overdue = findOverdue(watched, nowMs - progressDeadlineMs);
    if (!overdue) return;
    const { topic, partition } = overdue.at;
    this.#around.onFatal(
      new StalledError(
        `A micro-batch of ${topic}/${partition} has run for more than ${progressDeadlineMs} ms. ` +
          'The process ends so that another can take over; look for a call without a time limit.',
      ),
    );
  }
}

/** @returns a partition with a micro-batch that began before then and still runs. */
function findOverdue(
  partitions: readonly AssignedPartition[],
  beforeMs: number,
): AssignedPartition | undefined {
  return partitions.find(({ runner }) =>
    [...runner.startedAtMs.values()].some((startedAtMs) => startedAtMs <= beforeMs),
  );
}
