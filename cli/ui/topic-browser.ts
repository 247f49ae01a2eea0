/** Reads records of the pipeline's own topics for the page: a bounded stretch, one search at a time. */
import type { z } from 'zod';
import { topics as definitions } from '../../lib/kafka/topics/topics';
import type { PartitionEnds } from '../../lib/kafka/topics/admin';
import type { LogRecord } from '../../lib/kafka/log-reader';
import { systemClock } from '../../lib/process/clock';
import type { uiSchema } from '../../lib/process/config';
import { RecordDecoder } from './record-decoder';
import { chosenOf, stretchesOf, type RecordsAsked, type Stretch } from './record-search';
import { heartbeatTopic, type PageSources } from './shared-reader';
import { keyText, shownRecord, type Decoded, type ShownRecord } from './shown-record';

interface ListedTopic {
  /** The full name. */
  readonly topic: string;
  /** Without the namespace. */
  readonly name: string;
  readonly doc: string;
  readonly key: string;
  readonly partitions: number;
  /** By the offsets: of a compacted topic there are fewer. Null where the topic cannot be read. */
  readonly records: number | null;
  readonly cleanup: string;
}

interface FoundRecords {
  readonly records: readonly ShownRecord[];
  readonly showsValues: boolean;
  /** How many records were looked at. */
  readonly searched: number;
  /** The search ended at a limit before all of its stretch was read. */
  readonly isCut: boolean;
  /** By partition, where a stretch could not be read. */
  readonly problems: readonly string[];
  readonly ends: readonly PartitionEnds[];
}

const waitingMax = 8;
const searchMs = 15_000;
const searchBytesMax = 32 * 1_024 * 1_024;
const listedForMs = 5_000;

interface Found extends LogRecord {
  readonly partition: number;
}

interface Limits {
  readonly untilMs: number;
  readonly signal: AbortSignal;
  searched: number;
  bytes: number;
  isCut: boolean;
}

export class TopicBrowser {
  readonly #namespace: string;
  readonly #sources: PageSources;
  readonly #decoder: RecordDecoder;
  readonly #showsValues: boolean;
  #listed: { readonly atMs: number; readonly topics: Promise<readonly ListedTopic[]> } | null =
    null;
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(config: z.output<typeof uiSchema>, sources: PageSources) {
    this.#namespace = config.AFTERBUILD_NAMESPACE;
    this.#sources = sources;
    this.#decoder = new RecordDecoder(config);
    this.#showsValues = config.UI_SHOW_VALUES;
  }

  /** All topics of this installation that exist; asked of Kafka every few seconds at most. */
  topics(): Promise<readonly ListedTopic[]> {
    const nowMs = systemClock.nowMs();
    if (this.#listed === null || nowMs - this.#listed.atMs > listedForMs) {
      const topics = this.#list();
      topics.catch(() => (this.#listed = null));
      this.#listed = { atMs: nowMs, topics };
    }
    return this.#listed.topics;
  }

  /** One after the other, so that no number of viewers takes more memory than one. */
  records(asked: RecordsAsked, signal: AbortSignal): Promise<FoundRecords | 'unknown' | 'busy'> {
    if (this.#waiting >= waitingMax) return Promise.resolve('busy');
    this.#waiting += 1;
    const found = this.#turn.then(async () => {
      signal.throwIfAborted();
      return this.#search(asked, signal);
    });
    const over = (): void => void (this.#waiting -= 1);
    this.#turn = found.then(over, over);
    return found;
  }

  /** The name of the heartbeats' topic does not begin with the namespace. */
  #nameOf(topic: string): string {
    return topic.startsWith(this.#namespace) ? topic.slice(this.#namespace.length) : topic;
  }

  async #list(): Promise<readonly ListedTopic[]> {
    const existing = new Set(await this.#sources.watch.topics());
    const own = definitions.map(({ name, doc, key, cleanup }) => ({
      ...{ topic: `${this.#namespace}${name}`, name, doc, key, cleanup },
    }));
    const heartbeats = {
      topic: heartbeatTopic(this.#namespace),
      name: heartbeatTopic(''),
      doc: 'A sign of life of the connector, every few seconds.',
      ...{ key: 'the name of the source', cleanup: 'compact' },
    };
    const listed: ListedTopic[] = [];
    for (const one of [...own, heartbeats].filter(({ topic }) => existing.has(topic))) {
      const ends = await this.#sources.admin.ends(one.topic).catch(() => null);
      const records = ends?.reduce((all, at) => all + at.highWatermark - at.logStart, 0) ?? null;
      listed.push({ ...one, partitions: ends?.length ?? 0, records });
    }
    return listed;
  }

  async #search(asked: RecordsAsked, signal: AbortSignal): Promise<FoundRecords | 'unknown'> {
    const topics = await this.topics();
    if (!topics.some(({ topic }) => topic === asked.topic)) return 'unknown';
    const ends = await this.#sources.admin.ends(asked.topic);
    const isTimed = asked.from === 'time' && asked.timeMs !== null;
    const atTime = isTimed
      ? await this.#sources.watch.offsetsAt(asked.topic, asked.timeMs)
      : new Map<number, number>();
    const untilMs = systemClock.nowMs() + searchMs;
    const limits: Limits = { untilMs, signal, searched: 0, bytes: 0, isCut: false };
    const found: Found[] = [];
    const problems: string[] = [];
    for (const stretch of stretchesOf(asked, ends, atTime)) {
      try {
        found.push(...(await this.#read(asked, stretch, limits)));
      } catch (error) {
        signal.throwIfAborted();
        problems.push(`partition ${stretch.partition}: ${(error as Error).message}`);
      }
    }
    const name = this.#nameOf(asked.topic);
    const records: ShownRecord[] = [];
    for (const record of chosenOf(found, asked)) {
      const parts = await this.#decoder.read(name, record);
      records.push(shownRecord(record.partition, record, parts, this.#showsValues));
    }
    const { searched, isCut } = limits;
    return { records, showsValues: this.#showsValues, searched, isCut, problems, ends };
  }

  async #read(asked: RecordsAsked, stretch: Stretch, limits: Limits): Promise<Found[]> {
    const { topic, key } = asked;
    const { partition, from, to } = stretch;
    const found: Found[] = [];
    for await (const record of this.#sources.reader.readCompacted({ topic, partition }, from, to)) {
      limits.signal.throwIfAborted();
      limits.searched += 1;
      if (key === undefined || (await this.#hasKey(topic, record, key))) {
        limits.bytes += sizeOf(record);
        found.push({ ...kept(record), partition });
      }
      // From the end the latest count: the earlier ones make room.
      if (found.length > asked.limit && asked.from === 'end') found.shift();
      limits.isCut ||= isOver(limits);
      if (limits.isCut || (found.length === asked.limit && asked.from !== 'end')) break;
    }
    return found;
  }

  async #hasKey(topic: string, record: LogRecord, text: string): Promise<boolean> {
    if (record.key === null) return false;
    if (record.key.includes(text)) return true;
    const own: Decoded | null = await this.#decoder.keyOf(this.#nameOf(topic), record.key);
    return own !== null && keyText(record.key, own).includes(text);
  }
}

const isOver = ({ bytes, untilMs }: Limits): boolean =>
  bytes > searchBytesMax || systemClock.nowMs() > untilMs;

const sizeOf = ({ key, value, headers }: LogRecord): number =>
  (key?.length ?? 0) + (value?.length ?? 0) + 100 * Object.keys(headers).length;

/** A record is a view of its response, which would be held as long as the record. */
function kept(record: LogRecord): LogRecord {
  const { key, value, headers } = record;
  return {
    ...record,
    headers: Object.fromEntries(Object.entries(headers).map(([name, one]) => [name, copyOf(one)])),
    key: key === null ? null : Buffer.from(key),
    value: value === null ? null : Buffer.from(value),
  };
}

type HeaderValue = LogRecord['headers'][string];
function copyOf(value: HeaderValue): HeaderValue {
  if (Array.isArray(value)) return value.map((one) => copyOf(one) as Buffer | string);
  return Buffer.isBuffer(value) ? Buffer.from(value) : value;
}
