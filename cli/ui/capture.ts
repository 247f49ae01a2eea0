/** How far change capture is behind, by what lies in Kafka: its heartbeats, and the last change of each table. */
import type { LogReader, LogRecord } from '../../lib/kafka/log-reader';
import type { TopicAdmin } from '../../lib/kafka/topics/admin';

export interface Captured {
  /** When the connector last wrote a heartbeat, milliseconds since the epoch; null while none is known. */
  readonly heartbeatAtMs: number | null;
  /** When the last change came to Kafka, and how long after its commit; null while none is known. */
  readonly changeAtMs: number | null;
  readonly delayMs: number | null;
}

export const nothingCaptured: Captured = { heartbeatAtMs: null, changeAtMs: null, delayMs: null };

interface CaptureSources {
  /** Full names. */
  readonly heartbeats: string;
  readonly changes: readonly string[];
  /** Names of the topics that exist: for one that does not, a request would be tried again for half a minute. */
  readonly existing: () => Promise<readonly string[]>;
  readonly admin: Pick<TopicAdmin, 'ends'>;
  readonly reader: Pick<LogReader, 'readCompacted'>;
  /** Of a change: when its transaction was committed; null where it does not say it. */
  readonly committedAt: (value: Buffer) => Promise<number | null>;
}

interface Last {
  readonly logEnd: number;
  readonly atMs: number;
  readonly delayMs: number | null;
}

/** A batch may end in offsets without a record: so far back the last record is looked for. */
const lookBack = 10;

/** Reads one record of a partition, and only when something was written to it. */
export class CaptureWatch {
  readonly #last = new Map<string, Last>();

  constructor(private readonly sources: CaptureSources) {}

  async look(): Promise<Captured> {
    const { heartbeats, changes, existing } = this.sources;
    const present = new Set(await existing());
    const beats = present.has(heartbeats) ? await this.#lastOf(heartbeats, false) : [];
    const last: Last[] = [];
    for (const topic of changes.filter((name) => present.has(name)))
      last.push(...(await this.#lastOf(topic, true)));
    const latest = latestOf(last);
    return {
      heartbeatAtMs: latestOf(beats)?.atMs ?? null,
      changeAtMs: latest?.atMs ?? null,
      delayMs: latest?.delayMs ?? null,
    };
  }

  async #lastOf(topic: string, isChange: boolean): Promise<Last[]> {
    const ends = await this.sources.admin.ends(topic);
    for (const { partition, logStart, highWatermark } of ends) {
      const place = `${topic}/${partition}`;
      if (highWatermark === logStart || this.#last.get(place)?.logEnd === highWatermark) continue;
      const from = Math.max(logStart, highWatermark - lookBack);
      const found = await this.#read({ topic, partition }, from, highWatermark);
      if (found === null) continue;
      const { timestampMs: atMs, value } = found;
      const committedMs = isChange && value !== null ? await this.sources.committedAt(value) : null;
      const delayMs = committedMs === null ? null : Math.max(0, atMs - committedMs);
      this.#last.set(place, { logEnd: highWatermark, atMs, delayMs });
    }
    return ends.flatMap(({ partition }) => this.#last.get(`${topic}/${partition}`) ?? []);
  }

  async #read(
    at: { readonly topic: string; readonly partition: number },
    from: number,
    to: number,
  ): Promise<LogRecord | null> {
    let last: LogRecord | null = null;
    for await (const record of this.sources.reader.readCompacted(at, from, to)) last = record;
    return last;
  }
}

const latestOf = (all: readonly Last[]): Last | null =>
  all.reduce<Last | null>((a, b) => (a === null || b.atMs > a.atMs ? b : a), null);
