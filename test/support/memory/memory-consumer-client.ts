/** The client port in memory, for tests of the runtime: logs are arrays, joins and fetches are calls. */
import { StaleCommitError } from '../../../lib/kafka/client-port';
import type { ClientListener, CommitEntry, ConsumerClient } from '../../../lib/kafka/client-port';
import { FetchedRecord, type RawHeaders } from '../../../lib/kafka/fetched-record';
import type {
  MembershipTimes,
  Position,
  Tail,
  TopicPartition,
} from '../../../lib/kafka/client-port';

const keyOf = (at: TopicPartition): string => `${at.topic}/${at.partition}`;
const toBytes = (headers: Readonly<Record<string, string>>): RawHeaders =>
  Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)]));

interface Log {
  readonly records: FetchedRecord[];
  /** Offset of the next record; above the last one's when the log ends in a gap. */
  end: number;
  start: number;
}

export class MemoryConsumerClient implements ConsumerClient {
  readonly committed = new Map<string, { offset: number; metadata: string }>();
  readonly commits: CommitEntry[] = [];
  readonly paused = new Set<string>();
  readonly #logs = new Map<string, Log>();
  readonly #taken = new Map<string, number>();
  #listener: ClientListener | null = null;
  #assigned: readonly TopicPartition[] = [];
  #epoch = 0;
  /** Set to make the group refuse or fail. */
  commitError: Error | null = null;
  /** Partitions, as `topic/number`, whose leader does not answer. */
  readonly leaderless = new Set<string>();
  positionsError: Error | null = null;
  stopped = false;
  heardAtMs = Infinity;
  membership: MembershipTimes = {
    memberSinceMs: null,
    joiningSinceMs: null,
    lastProofSentAtMs: null,
  };
  /** Set to remove the proof of membership. */
  isProved = true;

  get epoch(): number {
    return this.#epoch;
  }

  start(listener: ClientListener): Promise<void> {
    this.#listener = listener;
    return Promise.resolve();
  }

  mayBegin(): boolean {
    return this.isProved;
  }

  stop(): Promise<void> {
    this.stopped = true;
    return Promise.resolve();
  }

  pause(at: TopicPartition): void {
    this.paused.add(keyOf(at));
  }

  resume(at: TopicPartition): void {
    this.paused.delete(keyOf(at));
  }

  seek(at: TopicPartition, offset: number): void {
    this.#taken.set(keyOf(at), offset);
  }

  positions(of: readonly TopicPartition[]): Promise<readonly Position[]> {
    if (this.positionsError) return Promise.reject(this.positionsError);
    return Promise.resolve(
      of.map((at) => {
        const log = this.log(at);
        const committed = this.committed.get(keyOf(at));
        return {
          ...at,
          committed: committed?.offset ?? -1,
          metadata: committed?.metadata ?? '',
          logStart: log.start,
          highWatermark: log.end,
        };
      }),
    );
  }

  async tails(of: readonly TopicPartition[]): Promise<readonly Tail[]> {
    const positions = await this.positions(of);
    return positions.map((one) => ({
      ...one,
      logEnd: this.leaderless.has(keyOf(one)) ? null : one.highWatermark,
    }));
  }

  commit(epoch: number, entries: readonly CommitEntry[]): Promise<boolean> {
    if (this.commitError) return Promise.reject(this.commitError);
    if (epoch !== this.#epoch) return Promise.reject(new StaleCommitError('over'));
    for (const entry of entries) {
      this.commits.push(entry);
      this.committed.set(keyOf(entry), entry);
    }
    return Promise.resolve(true);
  }

  log(at: TopicPartition): Log {
    let log = this.#logs.get(keyOf(at));
    if (!log) this.#logs.set(keyOf(at), (log = { records: [], end: 0, start: 0 }));
    return log;
  }

  /** @param gap offsets that hold nothing, before the record. */
  append(
    at: TopicPartition,
    key: string | null,
    value: string,
    gap = 0,
    headers: Readonly<Record<string, string>> = {},
  ): number {
    const log = this.log(at);
    const offset = log.end + gap;
    const bytes = { key: key === null ? null : Buffer.from(key), value: Buffer.from(value) };
    const parts = { ...bytes, offset, headers: toBytes(headers), timestampMs: 0 };
    log.records.push(new FetchedRecord(parts));
    log.end = offset + 1;
    return offset;
  }

  join(partitions: readonly TopicPartition[], memberId = 'member'): void {
    this.#epoch += 1;
    this.#assigned = partitions;
    this.#listener?.onJoined({ epoch: this.#epoch, memberId, partitions });
  }

  /** Before a join that may never come. */
  drain(): void {
    void this.#listener?.onBeforeRejoin();
  }

  async rejoin(partitions: readonly TopicPartition[], memberId?: string): Promise<void> {
    await this.#listener?.onBeforeRejoin();
    this.join(partitions, memberId);
  }

  /** One round over all partitions that are not paused. @returns how many records were taken. */
  async fetch(maxRecords = 1_000): Promise<number> {
    let count = 0;
    for (const at of this.#assigned) {
      const from = this.#taken.get(keyOf(at));
      if (from === undefined || this.paused.has(keyOf(at))) continue;
      const log = this.log(at);
      const records = log.records.filter(({ offset }) => offset >= from).slice(0, maxRecords);
      const last = records.at(-1);
      if (!last) continue;
      const batch = { ...at, fetchedOffset: from, records, lastOffset: last.offset };
      await this.#listener?.onBatch({ ...batch, highWatermark: log.end }, () => {
        this.#taken.set(keyOf(at), last.offset + 1);
        count += records.length;
      });
    }
    return count;
  }

  /** The callback of kafkajs for a batch that held only markers. */
  filtered(at: TopicPartition, firstOffset: number | null, lastOffset: number): void {
    this.#taken.set(keyOf(at), lastOffset + 1);
    this.#listener?.onFiltered({ ...at, firstOffset, lastOffset });
  }

  position(at: TopicPartition): number | undefined {
    return this.#taken.get(keyOf(at));
  }
}
