/** Reads dead-letter topics: which letters wait, and what operators have decided about the rest. */
import type { PartitionEnds } from '../kafka/topics/admin';
import type { TopicPartition } from '../kafka/client-port';
import type { LogRecord } from '../kafka/log-reader';
import { readDeadLetter, type DeadLetter } from './dead-letter';
import { headerText } from '../kafka/header-text';
import { failureHeaders } from '../runtime/failure-headers';
import { isResolution, readResolution, type ReadResolution } from './resolution';

/** The Kafka calls that reading needs; full names. */
export interface DeadLetterLog {
  ends(topic: string): Promise<readonly PartitionEnds[]>;
  read(at: TopicPartition, from: number, to: number): AsyncIterable<LogRecord>;
}

/** By partition: the first offset that has not been read. */
export type ReadUpTo = ReadonlyMap<number, number>;

export interface ScannedTopic {
  /** By partition and offset, settled ones included. */
  readonly letters: readonly DeadLetter[];
  readonly readUpTo: ReadUpTo;
}

/** @throws the signal's reason between two records. */
export async function scanTopic(
  log: DeadLetterLog,
  topic: string,
  signal: AbortSignal,
): Promise<ScannedTopic> {
  const letters: DeadLetter[] = [];
  const ends = await log.ends(topic);
  for (const { partition, logStart, highWatermark } of ends) {
    const at = { topic, partition };
    const own: Omit<DeadLetter, 'settled' | 'decision'>[] = [];
    const settled = new Map<number, ReadResolution>();
    for await (const record of log.read(at, logStart, highWatermark)) {
      signal.throwIfAborted();
      if (isResolution(record.headers)) noteSettlement(record, settled);
      else own.push(readDeadLetter(at, record));
    }
    for (const one of own) {
      const { kind = null, decision = null } = settled.get(one.offset) ?? {};
      letters.push({ ...one, settled: kind, decision });
    }
  }
  const readUpTo = new Map(ends.map(({ partition, highWatermark }) => [partition, highWatermark]));
  return { letters, readUpTo };
}

function noteSettlement({ headers }: LogRecord, settled: Map<number, ReadResolution>): void {
  const settlement = readResolution(headers);
  if (settlement === null) return;
  for (const offset of settlement.offsets) settled.set(offset, settlement);
}

/** Records that came to a partition after it was read. */
interface Tail {
  /** Offsets that markers have settled. */
  readonly settled: readonly number[];
  /** Ids of the redrives whose records are dead letters again, one for each. */
  readonly returned: readonly string[];
  readonly readUpTo: number;
}

export async function readTail(
  log: DeadLetterLog,
  at: TopicPartition,
  from: number,
): Promise<Tail> {
  const ends = await log.ends(at.topic);
  const end = ends.find(({ partition }) => partition === at.partition);
  const readUpTo = Math.max(from, end?.highWatermark ?? 0);
  const settled: number[] = [];
  const returned: string[] = [];
  for await (const { headers } of log.read(at, Math.max(from, end?.logStart ?? 0), readUpTo)) {
    const redriveId = headerText(headers, failureHeaders.redriveId);
    if (isResolution(headers)) settled.push(...(readResolution(headers)?.offsets ?? []));
    else if (redriveId !== null) returned.push(redriveId);
  }
  return { settled, returned, readUpTo };
}

/** The present end of a topic: later records lie beyond. */
export async function readEnds(log: DeadLetterLog, topic: string): Promise<ReadUpTo> {
  const ends = await log.ends(topic);
  return new Map(ends.map(({ partition, highWatermark }) => [partition, highWatermark]));
}

/** How many records of that redrive have come to the topic since. */
export async function countReturned(
  log: DeadLetterLog,
  topic: string,
  since: ReadUpTo,
  redriveId: string,
): Promise<number> {
  let count = 0;
  for (const [partition, from] of since) {
    const { returned } = await readTail(log, { topic, partition }, from);
    count += returned.filter((id) => id === redriveId).length;
  }
  return count;
}
