/** Topics in memory, for code that reads and writes logs without a group. */
import type { PartitionEnds } from '../../../lib/kafka/topics/admin';
import type { LogRecord } from '../../../lib/kafka/log-reader';
import type { OutgoingRecord } from '../../../lib/kafka/producer';
import type { DeadLetterLog } from '../../../lib/dead-letters/scan';

type Partitions = (LogRecord | null)[][];

export class MemoryLog implements DeadLetterLog {
  readonly #topics = new Map<string, Partitions>();
  readonly sent: OutgoingRecord[] = [];
  nowMs = 0;
  /** Called before each send; a throw fails it. */
  beforeSend: (records: readonly OutgoingRecord[]) => void = () => undefined;

  constructor(topics: Readonly<Record<string, number>>) {
    for (const [name, partitions] of Object.entries(topics)) {
      this.#topics.set(
        name,
        Array.from({ length: partitions }, () => []),
      );
    }
  }

  readonly send = (records: readonly OutgoingRecord[]): Promise<(number | null)[]> => {
    this.beforeSend(records);
    this.sent.push(...records);
    return Promise.resolve(records.map((record) => this.append(record)));
  };

  /** @returns the record's offset. */
  append({ topic, partition = 0, key, value, headers = {} }: OutgoingRecord): number {
    const log = this.#log(topic, partition);
    const asBytes = typeof key === 'string' ? Buffer.from(key) : key;
    log.push({ offset: log.length, timestampMs: this.nowMs, key: asBytes, value, headers });
    return log.length - 1;
  }

  /** Removes one record, like retention. */
  forget(topic: string, partition: number, offset: number): void {
    this.#log(topic, partition)[offset] = null;
  }

  ends(topic: string): Promise<PartitionEnds[]> {
    const partitions = this.#topics.get(topic) ?? [];
    return Promise.resolve(
      partitions.map((log, partition) => ({ partition, logStart: 0, highWatermark: log.length })),
    );
  }

  async *read(
    { topic, partition }: { readonly topic: string; readonly partition: number },
    from: number,
    to: number,
  ): AsyncGenerator<LogRecord> {
    await Promise.resolve();
    for (const record of this.#log(topic, partition).slice(from, to)) {
      if (record) yield record;
    }
  }

  #log(topic: string, partition: number): (LogRecord | null)[] {
    const log = this.#topics.get(topic)?.[partition];
    if (!log) throw new Error(`There is no partition ${partition} of ${topic}.`);
    return log;
  }
}
