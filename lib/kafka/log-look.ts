/**
 * Looks now and then at what Kafka itself says is left: the ends of the logs, and the group's own offsets.
 *
 * What is not fetched is invisible to everything that counts what was fetched. That Kafka does not answer is
 * known here as well: then nothing is known, and nobody is to blame for what waits.
 */
import { within } from '../process/within';
import type { Tail } from './client-port';
import { asError } from './micro-batch';
import type { AssignedPartition } from './partition';
import type { Surroundings } from './surroundings';

const lookEveryMs = 5_000;
/** Below it a broker that answers slowly is still there. */
const answerWithinMs = 12_000;

export class LogLook {
  readonly #around: Surroundings;
  readonly #partitions: () => Iterable<AssignedPartition>;
  #begunAtMs = -Infinity;
  #isLooking = false;
  #silentBy: string | null = null;
  #answeredAtMs: number | null = null;

  constructor(around: Surroundings, partitions: () => Iterable<AssignedPartition>) {
    this.#around = around;
    this.#partitions = partitions;
  }

  /** Why Kafka does not say how much is left; null while it does, and before it was asked. */
  get silentBy(): string | null {
    return this.#silentBy;
  }

  /** Milliseconds since the epoch; null before the first answer. */
  get answeredAtMs(): number | null {
    return this.#answeredAtMs;
  }

  get isAnswered(): boolean {
    return this.#answeredAtMs !== null && this.#silentBy === null;
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
    const nowMs = this.#around.clock.nowMs();
    this.#answeredAtMs = nowMs;
    partitions.forEach((partition, index) => {
      const tail = tails[index];
      if (tail && partition.tracker) partition.log.looked(tail, partition.tracker.taken, nowMs);
    });
  }
}
