/**
 * Reads from Kafka, now and then, how much is left: the ends of the logs, and the group's own offsets.
 *
 * Records that are not fetched are invisible to everything that counts fetched records. It also notes when Kafka does
 * not answer: then nothing is known, and no partition counts as stalled.
 */
import { within } from '../../process/within';
import type { Tail } from '../../kafka/client-port';
import { asError } from '../../process/is-error';
import type { AssignedPartition } from '../partitions/partition';
import type { ConsumerContext } from '../partitions/context';

const lookEveryMs = 5_000;
/** A broker that answers within this limit counts as available, if slow. */
const answerWithinMs = 12_000;

export class LogEnds {
  readonly #context: ConsumerContext;
  readonly #partitions: () => Iterable<AssignedPartition>;
  #begunAtMs = -Infinity;
  #isLooking = false;
  #silentBy: string | null = null;
  /** Why the amount is known of some partitions only. */
  #partlyBy: string | null = null;
  /** Partitions without an end at the last read. */
  #endless: ReadonlySet<AssignedPartition> = new Set();
  #hasAnswered = false;
  #answeredAtMs: number | null = null;

  constructor(context: ConsumerContext, partitions: () => Iterable<AssignedPartition>) {
    this.#context = context;
    this.#partitions = partitions;
  }

  /**
   * Why the amount left is unknown, or not known of all partitions; null while it is known, and before the first read.
   */
  get silentBy(): string | null {
    return this.#silentBy ?? this.#partlyBy;
  }

  /** When it was last known of all partitions, in milliseconds since the epoch; null before. */
  get answeredAtMs(): number | null {
    return this.#answeredAtMs;
  }

  /** At least the group's coordinator answers: an unavailable leader hides its own partitions only. */
  get isAnswered(): boolean {
    return this.#hasAnswered && this.#silentBy === null;
  }

  /** One tick of the timer. One read at a time. */
  tick(): void {
    const nowMs = this.#context.clock.nowMs();
    if (this.#isLooking || nowMs - this.#begunAtMs < lookEveryMs) return;
    this.#begunAtMs = nowMs;
    this.#isLooking = true;
    void this.#look().finally(() => (this.#isLooking = false));
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    const { clock, client } = this.#context;
    const partitions = [...this.#partitions()].filter(({ tracker }) => tracker !== null);
    try {
      const asked = client.tails(partitions.map(({ at }) => at));
      const tails = await within(clock, answerWithinMs, asked, null);
      if (tails) this.#keep(partitions, tails);
      else this.#silentBy = `no answer within ${answerWithinMs} ms`;
    } catch (error) {
      this.#silentBy = asError(error).message;
    }
  }

  #keep(partitions: readonly AssignedPartition[], tails: readonly Tail[]): void {
    this.#silentBy = null;
    this.#hasAnswered = true;
    const nowMs = this.#context.clock.nowMs();
    const endless = partitions.filter((_, index) => tails[index]?.logEnd === null);
    // The next read knows a leader that has only just moved.
    const [first, ...more] = endless.filter((one) => this.#endless.has(one));
    this.#endless = new Set(endless);
    this.#partlyBy = first === undefined ? null : sayOf(first, more.length);
    if (endless.length === 0) this.#answeredAtMs = nowMs;
    partitions.forEach((partition, index) => {
      const tail = tails[index];
      if (tail && partition.tracker) partition.log.looked(tail, partition.tracker.taken, nowMs);
    });
  }
}

const sayOf = ({ at }: AssignedPartition, more: number): string => {
  const others = more === 0 ? '' : ` and of ${more} more`;
  return `no leader of ${at.topic}/${at.partition}${others} has answered`;
};
