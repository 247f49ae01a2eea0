/** How far one partition is committed: what was last sent, what the group last accepted, what no commit holds yet. Pure. */
import { encodeCommitMap } from '../../kafka/commit-map';
import type { OffsetTracker } from './offset-tracker';

/** A commit as it is sent; `version` is the tracker's at that moment. */
export interface PartitionCommit {
  readonly offset: number;
  /** The commit map. */
  readonly metadata: string;
  readonly version: number;
}

export class PartitionCommits {
  #accepted = -1;
  #sent = -1;
  #version = 0;
  /** Since when the oldest unfinished offset is the oldest; for the age in the commit map. */
  #oldest = { offset: -1, sinceMs: 0 };

  /** The group's offset as last read or acknowledged; -1 for none. */
  get accepted(): number {
    return this.#accepted;
  }

  /** The offset that was last sent: its answer may have been lost. */
  get sent(): number {
    return this.#sent;
  }

  /** @param offset the group's, as it was read at the assignment; -1 for none. */
  begin(offset: number): void {
    this.#accepted = offset;
    this.#sent = offset;
  }

  /** Something is done that no accepted commit holds. */
  isBehind(tracker: OffsetTracker): boolean {
    return tracker.version !== this.#version;
  }

  /** @returns the next commit; null when the last accepted one holds all that is done. */
  next(tracker: OffsetTracker, nowMs: number): PartitionCommit | null {
    if (!this.isBehind(tracker)) return null;
    const offset = tracker.doneBelow;
    if (this.#oldest.offset !== offset) this.#oldest = { offset, sinceMs: nowMs };
    const metadata = encodeCommitMap({
      base: offset,
      ranges: tracker.doneBeyond === 0 ? [] : tracker.rangesBeyond(),
      span: tracker.span,
      ageMs: nowMs - this.#oldest.sinceMs,
    });
    return { offset, metadata, version: tracker.version };
  }

  noteSent({ offset }: PartitionCommit): void {
    this.#sent = offset;
  }

  noteAccepted({ offset, version }: PartitionCommit): void {
    this.#accepted = offset;
    this.#version = version;
  }
}
