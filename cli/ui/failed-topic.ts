/** Counts what waits on dead-letter and retry topics, with the reasons that their headers give. */
import { readDeadLetter, type DeadLetter } from '../../lib/dead-letters/dead-letter';
import { scanTopic, type DeadLetterLog } from '../../lib/dead-letters/scan';
import { summarize, type Cause } from '../../lib/dead-letters/summary';
import type { PartitionWork } from '../../lib/control/work-left';
import { leftOf } from '../../lib/control/work-left';
import type { PartitionEnds } from '../../lib/kafka/topics/admin';

export interface FailedTopic {
  readonly kind: 'dead-letters' | 'retry';
  /** Without the namespace. */
  readonly topic: string;
  readonly fullTopic: string;
  readonly group: string;
  /** How many wait. */
  readonly count: number;
  /** Only the latest records were looked at: there may be more, and for other reasons. */
  readonly isPartial: boolean;
  readonly oldestAtMs: number | null;
  /** The most frequent first. */
  readonly causes: readonly Cause[];
}

/** Of a partition so many records are looked at, the latest. */
const lettersMax = 5_000;
const retriesMax = 100;
const causesMax = 5;

type Counted = Pick<FailedTopic, 'count' | 'isPartial' | 'oldestAtMs' | 'causes'>;

/** Reads a topic again only when something was written to it. */
export class FailedTopics {
  readonly #known = new Map<string, { readonly mark: string; readonly counted: Counted }>();

  constructor(private readonly log: DeadLetterLog) {}

  /** @param topic the full name. @throws what the log throws, and the signal's reason. */
  async deadLetters(topic: string, signal: AbortSignal): Promise<Counted> {
    const ends = await this.log.ends(topic);
    return this.#once(topic, JSON.stringify(ends), async () => {
      const bounded = ends.map(latestOf);
      const log = { ...this.log, ends: () => Promise.resolve(bounded) };
      const { letters } = await scanTopic(log, topic, signal);
      const { waiting, oldestAtMs, causes } = summarize(letters);
      const isPartial = bounded.some((one, at) => one.logStart !== ends[at]?.logStart);
      return { count: waiting, isPartial, oldestAtMs, causes: causes.slice(0, causesMax) };
    });
  }

  /** @param partitions of one retry topic. @throws what the log throws, and the signal's reason. */
  async retries(
    topic: string,
    partitions: readonly PartitionWork[],
    signal: AbortSignal,
  ): Promise<Counted> {
    const count = partitions.reduce((all, one) => all + leftOf(one), 0);
    return this.#once(topic, JSON.stringify(partitions), async () => {
      const letters: DeadLetter[] = [];
      for (const { partition, logStart, committed, logEnd } of partitions) {
        const from = Math.max(logStart, committed, logEnd - retriesMax);
        for await (const record of this.log.read({ topic, partition }, from, logEnd)) {
          signal.throwIfAborted();
          const letter = readDeadLetter({ topic, partition }, record);
          letters.push({ ...letter, settled: null, decision: null });
        }
      }
      const { oldestAtMs, causes } = summarize(letters);
      return {
        ...{ count, oldestAtMs, causes: causes.slice(0, causesMax) },
        isPartial: letters.length < count,
      };
    });
  }

  async #once(topic: string, mark: string, count: () => Promise<Counted>): Promise<Counted> {
    const known = this.#known.get(topic);
    if (known?.mark === mark) return known.counted;
    const counted = await count();
    this.#known.set(topic, { mark, counted });
    return counted;
  }
}

const latestOf = (ends: PartitionEnds): PartitionEnds => ({
  ...ends,
  logStart: Math.max(ends.logStart, ends.highWatermark - lettersMax),
});
