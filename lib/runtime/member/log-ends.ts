/**
 * Looks now and then at what Kafka itself says is left: the ends of the logs, and the group's own offsets.
 *
 * What is not fetched is invisible to everything that counts what was fetched. That Kafka does not answer is
 * known here as well: then nothing is known, and nobody is to blame for what waits.
 */
import { within } from '../../process/within';
import type { Tail } from '../../kafka/client-port';
import { asError } from '../../process/is-error';
import type { AssignedPartition } from '../partitions/partition';
import type { ConsumerContext } from '../partitions/context';

const lookEveryMs = 5_000;
/** Below it a broker that answers slowly is still there. */
const answerWithinMs = 12_000;

export class LogLook {
  readonly #around: ConsumerContext;
  readonly #partitions: () => Iterable<AssignedPartition>;
  #begunAtMs = -Infinity;
  #isLooking = false;
  #silentBy: string | null = null;
  /** Why it says only of some partitions how much is left. */
  #partlyBy: string | null = null;
  /** Without an end at the last look. */
  #endless: ReadonlySet<AssignedPartition> = new Set();
  #hasAnswered = false;
  #answeredAtMs: number | null = null;

  constructor(around: ConsumerContext, partitions: () => Iterable<AssignedPartition>) {
    this.#around = around;
    this.#partitions = partitions;
  }

  /** Why Kafka does not say how much is left, or not of all partitions; null while it does, and before it was asked. */
  get silentBy(): string | null {
    return this.#silentBy ?? this.#partlyBy;
  }

  /** When it last said it of all of them, in milliseconds since the epoch; null before. */
  get answeredAtMs(): number | null {
    return this.#answeredAtMs;
  }

  /** By the group's coordinator at least: a leader that is away hides its own partitions only. */
  get isAnswered(): boolean {
    return this.#hasAnswered && this.#silentBy === null;
  }

  /** What the timer does. One look at a time. */
  tick(): void {
    const nowMs = this.#around.clock.nowMs();
    if (this.#isLooking || nowMs - this.#begunAtMs < lookEveryMs) return;
    this.#begunAtMs = nowMs;
    this.#isLooking = true;
    void this.#look().finally(() => (this.#isLooking = false));
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    const { clock, client } = this.#around;
    const partitions = [...this.#partitions()].filter(({ tracker }) => tracker !== null);
    try {
      const asked = client.tails(partitions.map(({ at }) => at));
      const tails = await within(clock, answerWithinMs, asked, null);
      if (tails) this.#learn(partitions, tails);
      else this.#silentBy = `no answer within ${answerWithinMs} ms`;
    } catch (error) {
      this.#silentBy = asError(error).message;
    }
  }

  #learn(partitions: readonly AssignedPartition[], tails: readonly Tail[]): void {
    this.#silentBy = null;
    this.#hasAnswered = true;
    const nowMs = this.#around.clock.nowMs();
    const endless = partitions.filter((_, index) => tails[index]?.logEnd === null);
    // A leader that has only just moved is known at the next look.
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
