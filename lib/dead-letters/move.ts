/**
 * Moves dead letters off their topic: writes each to its target, then the marker that settles it.
 *
 * This order, and small chunks, make a crash harmless: it moves at most one chunk a second time, which every topic of
 * ours tolerates, and never settles a letter that was not written. Before each chunk it reads which letters others have
 * settled meanwhile, so that two operators do not repeat each other's work.
 */
import type { LogRecord } from '../kafka/log-reader';
import type { OutgoingRecord, RecordProducer } from '../kafka/producer';
import type { Clock } from '../process/clock';
import type { DeadLetter } from './dead-letter';
import { readTail, type DeadLetterLog, type ReadUpTo } from './scan';
import { writeResolution, type Resolution } from './resolution';

export interface MovePorts {
  readonly log: DeadLetterLog;
  readonly producer: Pick<RecordProducer, 'send'>;
  readonly clock: Clock;
}

interface MoveOptions {
  /** The dead-letter topic. */
  readonly topic: string;
  /** From the scan that found the letters. */
  readonly readUpTo: ReadUpTo;
  readonly perSecond: number;
  /** Ends the moving between two chunks. */
  readonly signal: AbortSignal;
  /** Ends the move as well; called with the redrive ids of the records that are dead letters again. */
  readonly isEnough: (returned: readonly string[]) => boolean;
  /** The record to write for a letter. */
  readonly outgoing: (letter: DeadLetter, record: LogRecord) => OutgoingRecord;
  /** The decision that its marker keeps. */
  readonly settlement: (offsets: readonly number[]) => Resolution;
  /** @param moved the total so far. */
  readonly onMoved: (moved: number) => void;
}

export interface Moved {
  readonly letter: DeadLetter;
  /** Its new offset; null when the broker did not report it. */
  readonly offset: number | null;
}

interface Pending {
  readonly letter: DeadLetter;
  readonly record: LogRecord;
}

const chunkRecordsMax = 100;
const chunkBytesMax = 4 * 1024 * 1024;
const chunksPerSecond = 4;

export class DeadLetterMover {
  readonly #ports: MovePorts;
  readonly #options: MoveOptions;
  readonly #chunkRecords: number;
  readonly #readUpTo: Map<number, number>;
  readonly #settled = new Map<number, Set<number>>();
  readonly #returned: string[] = [];
  #dueAtMs = 0;
  moved = 0;
  /** Settled by another operator, or removed by retention, since the scan. */
  left = 0;

  constructor(ports: MovePorts, options: MoveOptions) {
    this.#ports = ports;
    this.#options = options;
    this.#readUpTo = new Map(options.readUpTo);
    const evenly = Math.ceil(options.perSecond / chunksPerSecond);
    this.#chunkRecords = Math.min(chunkRecordsMax, Math.max(1, evenly));
  }

  /**
   * @param letters of the mover's topic, by partition and offset.
   * @returns the moved ones; all but the `left` ones, unless the signal ended the move before.
   */
  async move(letters: readonly DeadLetter[]): Promise<readonly Moved[]> {
    const moved: Moved[] = [];
    const before = this.left;
    for (const [partition, own] of Map.groupBy(letters, (letter) => letter.partition)) {
      for await (const chunk of this.#chunks(partition, own)) {
        if (!(await this.#mayGoOn(partition))) return moved;
        moved.push(...(await this.#moveChunk(partition, chunk)));
      }
    }
    this.left = before + letters.length - moved.length;
    return moved;
  }

  async *#chunks(partition: number, letters: readonly DeadLetter[]): AsyncGenerator<Pending[]> {
    const wanted = new Map(letters.map((letter) => [letter.offset, letter]));
    const [from = 0, last = -1] = [letters[0]?.offset, letters.at(-1)?.offset];
    let chunk: Pending[] = [];
    for await (const record of this.#ports.log.read(this.#at(partition), from, last + 1)) {
      const letter = wanted.get(record.offset);
      if (letter) chunk.push({ letter, record });
      if (!this.#isFull(chunk)) continue;
      yield chunk;
      chunk = [];
    }
    if (chunk.length > 0) yield chunk;
  }

  #isFull(chunk: readonly Pending[]): boolean {
    const sizeBytes = chunk.reduce((sum, { record }) => sum + (record.value?.length ?? 0), 0);
    return chunk.length >= this.#chunkRecords || sizeBytes >= chunkBytesMax;
  }

  async #moveChunk(partition: number, chunk: readonly Pending[]): Promise<Moved[]> {
    const { outgoing, settlement, topic, onMoved, perSecond } = this.#options;
    const settled = this.#settled.get(partition);
    const pending = chunk.filter(({ letter }) => settled?.has(letter.offset) !== true);
    if (pending.length === 0) return [];
    const { producer, clock } = this.#ports;
    const written = await producer.send(
      pending.map(({ letter, record }) => outgoing(letter, record)),
    );
    const headers = writeResolution(settlement(pending.map(({ letter }) => letter.offset)));
    await producer.send([{ topic, partition, key: null, value: null, headers }]);
    this.#dueAtMs = Math.max(this.#dueAtMs, clock.nowMs()) + (pending.length * 1_000) / perSecond;
    this.moved += pending.length;
    onMoved(this.moved);
    return pending.map(({ letter }, index) => ({ letter, offset: written[index] ?? null }));
  }

  /** Waits until the next chunk is due, and then reads what has happened meanwhile. */
  async #mayGoOn(partition: number): Promise<boolean> {
    const { signal, isEnough } = this.#options;
    const { clock, log } = this.#ports;
    const waitMs = this.#dueAtMs - clock.nowMs();
    if (waitMs > 0) await clock.sleep(waitMs, signal).catch(() => undefined);
    if (signal.aborted) return false;
    const from = this.#readUpTo.get(partition) ?? 0;
    const { settled, returned, readUpTo } = await readTail(log, this.#at(partition), from);
    this.#readUpTo.set(partition, readUpTo);
    const known = this.#settled.get(partition) ?? new Set<number>();
    for (const offset of settled) known.add(offset);
    this.#settled.set(partition, known);
    this.#returned.push(...returned);
    return !isEnough(this.#returned);
  }

  #at(partition: number): { topic: string; partition: number } {
    return { topic: this.#options.topic, partition };
  }
}
