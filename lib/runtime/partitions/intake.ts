/**
 * The work of the client's fetch callback: take the whole batch, wait a moment for room, else pause.
 *
 * The wait is short because it delays every partition of the same broker. It exists because pausing at once makes the
 * client sleep for its whole fetch wait (measured: 15,000 records/s instead of 300,000).
 */
import { within } from '../../process/within';
import type { FetchedBatch, TopicPartition } from '../../kafka/client-port';
import type { AssignedPartition } from './partition';
import type { ConsumerContext } from './context';

export class Intake {
  readonly #context: ConsumerContext;
  readonly #find: (at: TopicPartition) => AssignedPartition | undefined;
  /** Filtered batches that did not follow on what was taken, by partition; the second equal one counts. */
  readonly #suspected = new WeakMap<AssignedPartition, number>();

  constructor(
    context: ConsumerContext,
    find: (at: TopicPartition) => AssignedPartition | undefined,
  ) {
    this.#context = context;
    this.#find = find;
  }

  async onBatch(batch: FetchedBatch, accept: () => void): Promise<void> {
    const partition = this.#find(batch);
    if (!partition?.take(batch)) return;
    accept();
    if (partition.isFull) await this.#waitForRoom(partition);
    partition.adjustFlow();
  }

  /**
   * A batch without a record to deliver moved the client's position. Intake follows when the batch continues what was
   * taken. Otherwise it may be left over from an earlier assignment: it is read again, and counts when it is the same.
   */
  onFiltered(at: TopicPartition & { firstOffset: number | null; lastOffset: number }): void {
    const partition = this.#find(at);
    if (!partition?.tracker || !partition.isOpen) return;
    const { taken } = partition.tracker;
    const joinsOn = (at.firstOffset ?? at.lastOffset) <= taken;
    if (joinsOn || this.#suspected.get(partition) === at.lastOffset) {
      this.#suspected.delete(partition);
      partition.skipTo(at.lastOffset + 1);
      return;
    }
    this.#suspected.set(partition, at.lastOffset);
    this.#context.client.seek(partition.at, taken);
  }

  async #waitForRoom(partition: AssignedPartition): Promise<void> {
    const { clock, settings } = this.#context;
    await within(clock, settings.roomWaitMs, partition.room(), undefined);
  }
}
