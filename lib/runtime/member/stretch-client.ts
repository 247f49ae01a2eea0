/**
 * Shows a stretch of a topic as if it were the whole log: it begins where the stretch does, ends where the stretch ends, and
 * holds no other keys. The runtime above it needs no word about replays, and the client below it neither.
 */
import {
  type ClientListener,
  type CommitEntry,
  type ConsumerClient,
  type FetchedBatch,
  type MembershipTimes,
  type Position,
  type Tail,
  type TopicPartition,
} from '../../kafka/client-port';
import { FetchedRecord } from '../../kafka/fetched-record';
import { replayHeader } from '../failure-headers';
import type { Stretch } from '../stretch';

/** One partition of its topic while it is assigned. */
interface Place {
  /** Next offset that the client fetches. */
  next: number;
  /** The runtime's wish. */
  isPaused: boolean;
}

type Reading = Pick<Stretch, 'name' | 'topic' | 'ranges' | 'key'>;

export class StretchClient implements ConsumerClient {
  readonly #places = new Map<number, Place>();

  constructor(
    private readonly inner: ConsumerClient,
    private readonly stretch: Reading,
  ) {}

  get membership(): MembershipTimes {
    return this.inner.membership;
  }

  get heardAtMs(): number {
    return this.inner.heardAtMs;
  }

  mayBegin(): boolean {
    return this.inner.mayBegin();
  }

  start(listener: ClientListener): Promise<void> {
    return this.inner.start({
      onJoined: (assignment) => listener.onJoined(assignment),
      onBeforeRejoin: () => listener.onBeforeRejoin(),
      onProved: () => listener.onProved(),
      onLeft: () => listener.onLeft(),
      onBatch: (batch, accept) => this.#onBatch(listener, batch, accept),
      onFiltered: (at) => this.#onFiltered(listener, at),
      onFatal: (error) => listener.onFatal(error),
    });
  }

  pause(at: TopicPartition): void {
    this.#move(at, { isPaused: true });
    this.inner.pause(at);
  }

  resume(at: TopicPartition): void {
    this.#move(at, { isPaused: false });
    if (!this.#isOver(at)) this.inner.resume(at);
  }

  seek(at: TopicPartition, offset: number): void {
    const wasOver = this.#isOver(at);
    this.inner.seek(at, offset);
    this.#move(at, { next: offset });
    if (wasOver && !this.#isOver(at) && this.#places.get(at.partition)?.isPaused === false) {
      this.inner.resume(at);
    }
  }

  async positions(of: readonly TopicPartition[]): Promise<readonly Position[]> {
    const positions = await this.inner.positions(of);
    return positions.map((position) =>
      this.#isOurTopic(position) ? this.#cut(position) : position,
    );
  }

  async tails(of: readonly TopicPartition[]): Promise<readonly Tail[]> {
    const tails = await this.inner.tails(of);
    return tails.map((tail) => {
      if (!this.#isOurTopic(tail)) return tail;
      const range = this.stretch.ranges.get(tail.partition);
      const committed = tail.committed < 0 ? (range?.from ?? -1) : tail.committed;
      const logEnd = tail.logEnd && Math.min(tail.logEnd, range?.to ?? 0);
      return { ...tail, committed, logEnd };
    });
  }

  commit(epoch: number, entries: readonly CommitEntry[]): Promise<boolean> {
    return this.inner.commit(epoch, entries);
  }

  stop(): Promise<void> {
    return this.inner.stop();
  }

  /** A group that has never committed begins where the stretch begins, or what retention has left of it. */
  #cut(position: Position): Position {
    const { partition, logStart } = position;
    const range = this.stretch.ranges.get(partition) ?? { from: logStart, to: logStart };
    const committed = position.committed < 0 ? Math.max(range.from, logStart) : position.committed;
    const highWatermark = Math.max(committed, Math.min(position.highWatermark, range.to));
    return { ...position, committed, highWatermark };
  }

  async #onBatch(listener: ClientListener, batch: FetchedBatch, accept: () => void): Promise<void> {
    if (!this.#isOurTopic(batch)) return listener.onBatch(batch, accept);
    const to = this.#endOf(batch);
    const ours: FetchedBatch = {
      ...batch,
      records: batch.records.filter((one) => this.#isOurs(one, to)).map((one) => this.#mark(one)),
      lastOffset: Math.min(batch.lastOffset, to - 1),
      highWatermark: Math.min(batch.highWatermark, to),
    };
    await listener.onBatch(ours, () => {
      accept();
      this.#move(batch, { next: batch.lastOffset + 1 });
      if (this.#isOver(batch)) this.inner.pause(batch);
    });
  }

  #onFiltered(
    listener: ClientListener,
    at: TopicPartition & { firstOffset: number | null; lastOffset: number },
  ): void {
    if (!this.#isOurTopic(at)) {
      listener.onFiltered(at);
      return;
    }
    this.#move(at, { next: at.lastOffset + 1 });
    if (this.#isOver(at)) this.inner.pause(at);
    listener.onFiltered({ ...at, lastOffset: Math.min(at.lastOffset, this.#endOf(at) - 1) });
  }

  #isOurs(record: FetchedRecord, to: number): boolean {
    const { key } = this.stretch;
    return record.offset < to && (key === undefined || record.keyText === key);
  }

  #mark({ offset, key, value, headers, timestampMs }: FetchedRecord): FetchedRecord {
    const marked = { ...headers, [replayHeader]: this.stretch.name };
    return new FetchedRecord({ offset, key, value, headers: marked, timestampMs });
  }

  #isOurTopic({ topic }: TopicPartition): boolean {
    return topic === this.stretch.topic;
  }

  #endOf({ partition }: TopicPartition): number {
    return this.stretch.ranges.get(partition)?.to ?? 0;
  }

  /** Everything of the stretch has been fetched. */
  #isOver(at: TopicPartition): boolean {
    if (!this.#isOurTopic(at)) return false;
    return (this.#places.get(at.partition)?.next ?? 0) >= this.#endOf(at);
  }

  #move(at: TopicPartition, change: Partial<Place>): void {
    if (!this.#isOurTopic(at)) return;
    const place = this.#places.get(at.partition) ?? { next: 0, isPaused: true };
    this.#places.set(at.partition, { ...place, ...change });
  }
}
