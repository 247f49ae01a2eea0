/** One partition in the hands of one runtime, from the moment it was opened, as the checks see it. */
import { decodeCommitMap } from '../../lib/kafka/commit-map';
import type { CommitEntry, Position } from '../../lib/kafka/client-port';
import type { SimulatedLog } from './simulated-log';

/** The content of a commit: everything below `offset`, and the offsets of its map. */
export class Progress {
  readonly #beyond = new Set<number>();

  constructor(
    readonly offset: number,
    metadata: string,
  ) {
    for (const { from, to } of decodeCommitMap(metadata, offset) ?? []) {
      for (let at = from; at < to; at += 1) this.#beyond.add(at);
    }
  }

  static of(entry: CommitEntry): Progress {
    return new Progress(entry.offset, entry.metadata);
  }

  has(offset: number): boolean {
    return offset < this.offset || this.#beyond.has(offset);
  }

  get beyond(): ReadonlySet<number> {
    return this.#beyond;
  }
}

export class Holding {
  /** The finished offsets in the group's view when the partition was opened. */
  readonly before: Progress;
  readonly finished = new Set<number>();
  /** Finished, and in no commit that the broker has: offset to the time it finished. */
  readonly uncommitted = new Map<number, number>();
  readonly running = new Set<number>();
  isDraining = false;
  isLost = false;

  constructor(
    readonly log: SimulatedLog,
    /** Null for a topic that is read from its beginning. */
    readonly position: Position | null,
    readonly openedAtMs: number,
    readonly highWatermark: number,
  ) {
    const offset = Math.max(log.start, position?.committed ?? 0);
    this.before = new Progress(offset, position?.metadata ?? '');
  }

  get commits(): boolean {
    return this.position !== null;
  }

  isDone(offset: number): boolean {
    return this.before.has(offset) || this.finished.has(offset);
  }
}
