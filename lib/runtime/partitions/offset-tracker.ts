/**
 * Tracks which offsets of one partition are done, and up to which offset none is missing.
 *
 * Everything below `doneBelow` is finished, so that is what may be committed. Finished offsets beyond it are kept, one
 * byte each, in a ring that begins at `doneBelow`. `taken` is where the next batch begins. Offsets that no batch
 * delivers (compacted records, transaction markers) count as done, or the prefix would wait for them for ever.
 */
import type { OffsetRange } from '../../kafka/commit-map';

const firstCapacity = 1024;

export class OffsetTracker {
  #ring = new Uint8Array(firstCapacity);
  #doneBelow: number;
  #taken: number;
  /** One past the highest offset that was ever marked beyond the prefix. */
  #reach: number;
  #doneBeyond = 0;
  #version = 0;

  /** @param done offsets beyond `start` that an earlier holder has finished (the commit map). */
  constructor(start: number, done: readonly OffsetRange[] = []) {
    this.#doneBelow = start;
    this.#taken = start;
    this.#reach = start;
    for (const range of done) this.#markRange(range.from, range.to);
    this.#version = 0;
  }

  get doneBelow(): number {
    return this.#doneBelow;
  }

  get taken(): number {
    return this.#taken;
  }

  /** How many offsets beyond the prefix are done. */
  get doneBeyond(): number {
    return this.#doneBeyond;
  }

  /** Grows with every change that is worth a commit. */
  get version(): number {
    return this.#version;
  }

  /** How far intake is ahead of the oldest unfinished offset. */
  get span(): number {
    return Math.max(this.#taken, this.#reach) - this.#doneBelow;
  }

  isDone(offset: number): boolean {
    if (offset < this.#doneBelow) return true;
    return offset < this.#reach && this.#ring[offset & (this.#ring.length - 1)] === 1;
  }

  /** The next delivered record: offsets between it and the one before count as done. */
  take(offset: number): void {
    if (offset > this.#taken) this.#markRange(this.#taken, offset);
    if (offset >= this.#taken) this.#taken = offset + 1;
  }

  /** No more records will come below `offset`. */
  takeUpTo(offset: number): void {
    if (offset <= this.#taken) return;
    this.#markRange(this.#taken, offset);
    this.#taken = offset;
  }

  finish(offset: number): void {
    if (offset < this.#doneBelow) return;
    if (offset === this.#doneBelow) {
      this.#doneBelow += 1;
      this.#advance();
      this.#version += 1;
      return;
    }
    this.#grow(offset);
    const index = offset & (this.#ring.length - 1);
    if (this.#ring[index] === 1) return;
    this.#ring[index] = 1;
    this.#doneBeyond += 1;
    if (offset >= this.#reach) this.#reach = offset + 1;
    this.#version += 1;
  }

  /** The finished offsets beyond the prefix, ascending, as separate ranges. */
  rangesBeyond(): OffsetRange[] {
    const ranges: OffsetRange[] = [];
    const mask = this.#ring.length - 1;
    let from = -1;
    for (let offset = this.#doneBelow; offset < this.#reach; offset += 1) {
      if (this.#ring[offset & mask] === 1) {
        if (from < 0) from = offset;
      } else if (from >= 0) {
        ranges.push({ from, to: offset });
        from = -1;
      }
    }
    if (from >= 0) ranges.push({ from, to: this.#reach });
    return ranges;
  }

  #markRange(from: number, to: number): void {
    if (from <= this.#doneBelow && to > this.#reach) {
      // No finished offset is known beyond: a gap of millions of compacted offsets must not take millions of steps.
      for (let offset = from; offset < this.#reach; offset += 1) this.finish(offset);
      this.#jump(to);
      return;
    }
    for (let offset = from; offset < to; offset += 1) this.finish(offset);
  }

  #jump(to: number): void {
    if (to <= this.#doneBelow) return;
    this.#doneBelow = to;
    this.#reach = to;
    this.#version += 1;
  }

  /** Moves the prefix over what is already done, leaving the ring clean behind it. */
  #advance(): void {
    const mask = this.#ring.length - 1;
    while (this.#doneBelow < this.#reach && this.#ring[this.#doneBelow & mask] === 1) {
      this.#ring[this.#doneBelow & mask] = 0;
      this.#doneBelow += 1;
      this.#doneBeyond -= 1;
    }
    if (this.#reach < this.#doneBelow) this.#reach = this.#doneBelow;
  }

  #grow(offset: number): void {
    const needed = offset - this.#doneBelow + 1;
    if (needed <= this.#ring.length) return;
    let capacity = this.#ring.length;
    while (capacity < needed) capacity *= 2;
    const ring = new Uint8Array(capacity);
    const mask = this.#ring.length - 1;
    for (let at = this.#doneBelow; at < this.#reach; at += 1) {
      ring[at & (capacity - 1)] = this.#ring[at & mask] ?? 0;
    }
    this.#ring = ring;
  }
}

/** Where reading a partition begins, by the group's offset and the log. */
export interface StartingPoint {
  readonly offset: number;
  /** Offsets beyond it that an earlier holder has finished. */
  readonly done: readonly OffsetRange[];
  /** The group's offset as read, -1 for none. */
  readonly committed: number;
  readonly highWatermark: number;
}
