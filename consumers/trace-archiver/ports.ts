/** The interfaces that the archiver needs, in its own terms; main.ts plugs the adapters in. */
import type { Arrival } from '../../lib/brake/absence-gauge';
import type { Verdict } from '../../lib/brake/decide';
import type { JudgedRecord } from '../../lib/brake/records-ahead';
import type { BuildTrace, Commitment, StoredTrace } from '../../lib/gitlab/trace-rows';

export interface BuildAddress {
  readonly partitionId: number;
  readonly buildId: number;
}

export interface TraceRows {
  /** Without the builds that have no row. */
  read(partitionId: number, buildIds: readonly number[]): Promise<readonly BuildTrace[]>;
  readRawData(chunkIds: readonly number[]): Promise<ReadonlyMap<number, Buffer>>;
  /** Transaction 1. */
  commitStored(
    partitionId: number,
    traces: readonly StoredTrace[],
  ): Promise<ReadonlyMap<number, Commitment>>;
  /** Transaction 2. @returns the builds that have no chunk row left. */
  forgetChunks(
    partitionId: number,
    traces: readonly Pick<StoredTrace, 'buildId' | 'chunks'>[],
  ): Promise<ReadonlySet<number>>;
  dropUnclaimed(
    build: BuildAddress,
    key: string,
    drop: () => Promise<void>,
  ): Promise<'dropped' | 'claimed'>;
}

/** Called when a trace's chunk rows are gone. */
export interface ArchiveCounts {
  trace(
    effect: 'archived' | 'extended' | 'adopted' | 'partial' | 'finished',
    sizeBytes: number,
  ): void;
}

/** One of GitLab's two Redis stores of live chunks. */
export interface LiveChunks {
  read(keys: readonly string[]): Promise<readonly (Buffer | null)[]>;
  lengths(keys: readonly string[]): Promise<readonly number[]>;
  /** @returns in how many milliseconds each ends by itself; null: never, or no such key. */
  lifetimes(keys: readonly string[]): Promise<readonly (number | null)[]>;
  /** From now on each existing key ends in `ms`. */
  keep(keys: readonly string[], ms: number): Promise<void>;
  /** @returns false for a chunk that has changed and stays. */
  removeUnchanged(
    chunks: readonly { readonly key: string; readonly sizeBytes: number; readonly sha1: string }[],
  ): Promise<readonly boolean[]>;
}

export type WriteCondition = { readonly absent: true } | { readonly etag: string };

export interface SeenObject {
  readonly etag: string;
  readonly sizeBytes: number;
  readonly checksum: string | null;
}

/** Undefined: the condition did not hold. */
export type Written = { readonly etag: string; readonly checksum: string } | undefined;

export interface TraceUpload {
  part(bytes: Buffer): Promise<void>;
  complete(condition: WriteCondition): Promise<Written>;
  abort(): Promise<void>;
}

export interface TraceObjects {
  head(key: string): Promise<SeenObject | null>;
  put(key: string, body: Buffer, sha256: Buffer, condition: WriteCondition): Promise<Written>;
  upload(key: string): Promise<TraceUpload>;
  readRange(
    key: string,
    etag: string,
    fromByte: number,
    lengthBytes: number,
  ): Promise<Buffer | undefined>;
  /** @returns false when another object has taken its place. */
  removeIf(key: string, etag: string): Promise<boolean>;
}

/** Flushed chunks: GitLab's objects, without a prefix. */
export interface ChunkObjects {
  read(
    key: string,
    bytesMax: number,
  ): Promise<{ readonly bytes: Buffer; readonly etag: string } | null>;
  removeIf(key: string, etag: string): Promise<boolean>;
}

export interface HeldLease {
  readonly jobId: number;
  readonly token: string;
}

interface LeaseAnswer {
  readonly jobId: number;
  /** Null when it is held elsewhere. */
  readonly token: string | null;
  readonly leftMs: number;
  /** There was no room for it: work that frees memory comes first. */
  readonly isFull: boolean;
}

export interface TraceLeases {
  acquire(jobIds: readonly number[]): Promise<readonly LeaseAnswer[]>;
  /** @returns the jobs whose lease is lost. */
  renew(leases: readonly HeldLease[]): Promise<readonly number[]>;
  release(leases: readonly HeldLease[]): Promise<void>;
}

/** Traces that wait, and whose data Redis will drop by itself, as shown to operators. */
export interface EndingTraces {
  /** @param isKept false: only an operator can still save it. */
  waits(
    build: BuildAddress,
    ending: { readonly endsAtMs: number; readonly reason: string; readonly isKept: boolean },
  ): void;
  over(build: BuildAddress): void;
}

export interface MissingChunks {
  /** @returns undefined when Redis has no room to remember it. */
  note(
    build: BuildAddress,
    indexes: readonly number[],
    nowMs: number,
  ): Promise<{ readonly reads: number; readonly firstMs: number } | undefined>;
  forget(build: BuildAddress): Promise<void>;
}

export interface ArchiveBrake {
  /** @throws BrakeError while nothing may be changed at all. */
  assertReleased(): Promise<void>;
  judge(record: JudgedRecord): Promise<Verdict>;
  hold(reason: string): void;
  readonly absence: {
    add(arrival: Arrival, found: number, absent: number): void;
    tooMany(): string | undefined;
  };
}
