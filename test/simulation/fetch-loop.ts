/** One round of fetches after the other, over all partitions that are not paused. */
import type { ClientListener, CommitEntry, TopicPartition } from '../../lib/kafka/client-port';
import type { ClientContext } from './client-context';
import { keyOf } from './simulated-broker';
import type { LogRead } from './simulated-log';

interface Place {
  readonly at: TopicPartition;
  /** The next offset to ask for; null while the start is not known. */
  position: number | null;
  /** Grows with each seek: earlier fetches are outdated. */
  seeks: number;
}

interface Fetched {
  readonly place: Place;
  readonly from: number;
  readonly seeks: number;
  readonly read: LogRead;
  readonly highWatermark: number;
}

export class FetchLoop {
  readonly paused = new Set<string>();
  readonly #context: ClientContext;
  readonly #listener: () => ClientListener | null;
  readonly #onFirstBatch: () => void;
  #places = new Map<string, Place>();
  #round = 0;

  constructor(
    context: ClientContext,
    listener: () => ClientListener | null,
    onFirstBatch: () => void,
  ) {
    this.#context = context;
    this.#listener = listener;
    this.#onFirstBatch = onFirstBatch;
  }

  begin(partitions: readonly TopicPartition[]): void {
    this.#places = new Map(
      partitions.map((at) => [keyOf(at), { at, position: null, seeks: 0 }] as const),
    );
    this.#round += 1;
    void this.#run(this.#round);
  }

  end(): void {
    this.#round += 1;
  }

  crash(): void {
    this.end();
    this.paused.clear();
    this.#places.clear();
  }

  seek(at: TopicPartition, offset: number): void {
    const place = this.#places.get(keyOf(at));
    if (!place) return;
    place.position = offset;
    place.seeks += 1;
  }

  /** A commit before the first fetch decides where that begins. */
  noteCommitted(entry: CommitEntry): void {
    const place = this.#places.get(keyOf(entry));
    if (place) place.position ??= entry.offset;
  }

  async #run(round: number): Promise<void> {
    const { host, random, settings, leftOvers } = this.#context;
    while (round === this.#round) {
      const wanted = [...this.#places.values()].filter(({ at }) => !this.paused.has(keyOf(at)));
      if (wanted.length === 0) {
        await host.sleep(settings.fetchWaitMs);
        continue;
      }
      const fetched = await this.#fetch(wanted).catch(() => null);
      if (round !== this.#round && !random.chance(leftOvers)) return;
      if (fetched) await Promise.all(fetched.map((one) => this.#deliver(one)));
      else await host.sleep(random.between(50, 200));
    }
  }

  /** The broker keeps the request until there are records, but not for ever. */
  #fetch(places: readonly Place[]): Promise<readonly Fetched[]> {
    const { broker, host, settings } = this.#context;
    const asked = places.map((place) => ({ place, seeks: place.seeks, from: place.position }));
    return broker.callLater(host, (answer) => {
      const read = (): Fetched[] =>
        asked.flatMap(({ place, seeks, from }) => this.#read(place, seeks, from));
      const now = read();
      if (now.length > 0) answer.give(now);
      else host.time.after(settings.fetchWaitMs, () => answer.give(read()));
    });
  }

  #read(place: Place, seeks: number, asked: number | null): Fetched[] {
    const { broker, random, fetchRecords } = this.#context;
    const log = broker.log(place.at);
    const from = asked ?? broker.committed.get(keyOf(place.at))?.offset ?? log.start;
    const read = log.read(from, random.int(1, fetchRecords));
    return read ? [{ place, from, seeks, read, highWatermark: log.end }] : [];
  }

  async #deliver({ place, from, seeks, read, highWatermark }: Fetched): Promise<void> {
    const { host, random, leftOvers } = this.#context;
    await host.sleep(random.between(0, 1));
    const { at } = place;
    const isOld = place.seeks !== seeks || this.paused.has(keyOf(at));
    if (isOld && !random.chance(leftOvers)) return;
    this.#onFirstBatch();
    const last = read.records.at(-1);
    if (!last) {
      this.#move(at, seeks, read.lastOffset + 1);
      const firstOffset = random.chance(0.5) ? read.firstOffset : null;
      this.#listener()?.onFiltered({ ...at, firstOffset, lastOffset: read.lastOffset });
      return;
    }
    const { records, lastOffset } = read;
    await this.#listener()?.onBatch(
      { ...at, fetchedOffset: from, records, lastOffset, highWatermark },
      () => {
        // Like kafkajs: the last record's successor, or what lies behind the markers after it.
        this.#move(at, seeks, random.chance(0.5) ? lastOffset + 1 : last.offset + 1);
      },
    );
  }

  /** By the present table: a batch from an older assignment moves the position of the following one. */
  #move(at: TopicPartition, seeks: number, position: number): void {
    const place = this.#places.get(keyOf(at));
    if (place && place.seeks <= seeks) place.position = position;
  }
}
