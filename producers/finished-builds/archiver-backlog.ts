/**
 * Keeps the stale sweep behind the archiver: no page while much is in flight, no pass before the last one is done. An
 * archiver that is held commits nothing, so the sweep stops with it.
 */
import type { Clock } from '../../lib/process/clock';
import type { Logger } from '../../lib/process/logger';
import { StandingWait } from '../../lib/process/standing-wait';
import type { Troubles } from '../../lib/process/troubles';
import type { UntilDone } from '../../lib/service/until-done';
import type { PartitionBacklog } from '../../lib/source/encoded-topic';
import type { FinishedTopic } from './ports';

const lookEveryMs = 200;

/** The end of each partition of `builds.finished` at some moment. */
export type Ends = ReadonlyMap<number, number>;

interface ArchiverBacklogDependencies {
  readonly topic: Pick<FinishedTopic, 'backlog'>;
  readonly untilDone: UntilDone;
  readonly troubles: Troubles;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Records for each partition; read each time. */
  readonly inFlightMax: () => number;
}

export class ArchiverBacklog {
  #waiting = 0;
  #observing: Promise<readonly PartitionBacklog[]> | undefined;

  constructor(private readonly parts: ArchiverBacklogDependencies) {}

  /** The archiver has its limit of unfinished records. */
  get isFull(): boolean {
    return this.#waiting > 0;
  }

  /** The present end of the topic: records up to it must be done before the next pass. */
  async ends(signal: AbortSignal): Promise<Ends> {
    const backlog = await this.#observe(signal);
    return new Map(backlog.map(({ partition, end }) => [partition, end]));
  }

  /** Resolves when the archiver is below its limit on every partition. */
  room(signal: AbortSignal): Promise<void> {
    const { inFlightMax } = this.parts;
    return this.#until(signal, 'room', ({ committed, end }) => end - committed < inFlightMax());
  }

  /** Resolves when everything below those ends is done. */
  caughtUp(ends: Ends, signal: AbortSignal): Promise<void> {
    return this.#until(
      signal,
      'the last pass to be archived',
      ({ partition, committed }) => committed >= (ends.get(partition) ?? 0),
    );
  }

  async #until(
    signal: AbortSignal,
    awaited: string,
    isMet: (partition: PartitionBacklog) => boolean,
  ): Promise<void> {
    const { clock, logger, troubles } = this.parts;
    const wait = new StandingWait(troubles, clock);
    let isWaiting = false;
    try {
      for (let looks = 0; ; looks += 1) {
        const backlog = await this.#observe(signal);
        if (backlog.every(isMet)) return;
        if (looks === 0) {
          this.#waiting += 1;
          isWaiting = true;
          logger.debug({ event: 'stale.waiting', awaited }, 'waiting');
        }
        const mark = backlog.map(({ committed }) => committed).join(' ');
        const left = backlog.reduce((sum, { committed, end }) => sum + end - committed, 0);
        wait.look(
          mark,
          `the stale sweep waits for trace-archiver, which makes no progress: ${left} records`,
        );
        await clock.sleep(lookEveryMs, signal);
      }
    } finally {
      if (isWaiting) this.#waiting -= 1;
      wait.end();
    }
  }

  /** One read at a time, for all callers; the answer is never older than the call. */
  #observe(signal: AbortSignal): Promise<readonly PartitionBacklog[]> {
    const { topic, untilDone } = this.parts;
    return untilDone('reading the progress of trace-archiver', signal, async () => {
      await this.#observing?.catch(() => undefined);
      this.#observing ??= topic.backlog().finally(() => {
        this.#observing = undefined;
      });
      return this.#observing;
    });
  }
}
