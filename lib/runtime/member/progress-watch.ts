/** Checks every second whether the consumer makes progress, and ends the process when a micro-batch hangs. */
import { StalledError } from '../../process/stalled-error';
import type { ConsumerState } from '../consumer';
import { LogEnds } from './log-ends';
import type { AssignedPartition } from '../partitions/partition';
import { noStall, StallDetector, type Stall } from './stall-detector';
import type { ConsumerContext } from '../partitions/context';

interface Watched {
  partitions(): Iterable<AssignedPartition>;
  /** Lost partitions with a micro-batch that still runs. */
  leftovers(): Iterable<AssignedPartition>;
  state(): ConsumerState;
  /** The group has been silent for so long that it has given our partitions away. */
  isSilent(): boolean;
}

export class ProgressWatch {
  readonly #context: ConsumerContext;
  readonly #watched: Watched;
  readonly #look: LogEnds;
  readonly #stalls: StallDetector;
  #stall = noStall;

  constructor(context: ConsumerContext, watched: Watched) {
    const { drainMs, rebalanceTimeoutMs, sessionTimeoutMs } = context.settings;
    this.#context = context;
    this.#watched = watched;
    this.#look = new LogEnds(context, () => watched.partitions());
    this.#stalls = new StallDetector(drainMs + rebalanceTimeoutMs + sessionTimeoutMs);
  }

  /** For how long work has stood still without a known reason, and which work. */
  get stall(): Stall {
    return this.#stall;
  }

  get look(): Pick<LogEnds, 'silentBy' | 'answeredAtMs'> {
    return this.#look;
  }

  /** One tick of the timer. */
  tick(): void {
    const nowMs = this.#context.clock.nowMs();
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

  /** Heartbeats keep a process in its group although its handler hangs, so each micro-batch has a deadline. */
  #endWhatHangs(nowMs: number): void {
    const { progressDeadlineMs } = this.#context.settings;
    const watched = [...this.#watched.partitions(), ...this.#watched.leftovers()];
    const overdue = findOverdue(watched, nowMs - progressDeadlineMs);
    if (!overdue) return;
    const { topic, partition } = overdue.at;
    this.#context.onFatal(
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
