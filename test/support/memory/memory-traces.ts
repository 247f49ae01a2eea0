/**
 * Live and archived traces in memory, for tests of the archive; conformance tests compare them with the real stores.
 */
import { createHash } from 'node:crypto';
import type {
  BuildTrace,
  ChunkRow,
  Commitment,
  PendingState,
  StoredTrace,
  TraceArtifact,
} from '../../../lib/gitlab/trace-rows';
import type {
  LiveChunks,
  SeenObject,
  TraceObjects,
  TraceRows,
  TraceUpload,
  WriteCondition,
  Written,
} from '../../../consumers/trace-archiver/ports';

export interface MemoryBuild {
  partitionId: number;
  projectId: number;
  type: string;
  status: string;
  isErased: boolean;
  pending: PendingState | null;
}

export interface MemoryChunk extends ChunkRow {
  buildId: number;
  rawData: Buffer | null;
}

const etagOf = (bytes: Buffer): string =>
  `"${createHash('md5').update(bytes).digest('hex')}-${bytes.length}"`;

export class MemoryTraceRows implements TraceRows {
  readonly builds = new Map<number, MemoryBuild>();
  /** By id. */
  readonly chunks = new Map<number, MemoryChunk>();
  /** By build. */
  readonly artifacts = new Map<number, TraceArtifact>();
  #lastId = 0;

  nextId(): number {
    return (this.#lastId += 1);
  }

  chunksOf(buildId: number): MemoryChunk[] {
    const all = [...this.chunks.values()].filter((chunk) => chunk.buildId === buildId);
    return all.toSorted((a, b) => a.index - b.index);
  }

  /** As the foreign keys do. */
  deleteBuild(buildId: number): void {
    this.builds.delete(buildId);
    for (const { id } of this.chunksOf(buildId)) this.chunks.delete(id);
    this.artifacts.delete(buildId);
  }

  read(partitionId: number, buildIds: readonly number[]): Promise<BuildTrace[]> {
    const traces = buildIds.flatMap((buildId): BuildTrace[] => {
      const build = this.builds.get(buildId);
      if (build?.partitionId !== partitionId) return [];
      const chunks = this.chunksOf(buildId).map(({ id, index, store, lockVersion, checksum }) => {
        return { id, index, store, lockVersion, checksum };
      });
      const artifact = this.artifacts.get(buildId) ?? null;
      const { projectId, type, status, isErased, pending } = build;
      return [{ buildId, projectId, type, status, isErased, chunks, pending, artifact }];
    });
    return Promise.resolve(traces);
  }

  readRawData(chunkIds: readonly number[]): Promise<ReadonlyMap<number, Buffer>> {
    const found = chunkIds.flatMap((id): [number, Buffer][] => {
      const data = this.chunks.get(id)?.rawData;
      return data ? [[id, data]] : [];
    });
    return Promise.resolve(new Map(found));
  }

  async commitStored(
    partitionId: number,
    traces: readonly StoredTrace[],
  ): Promise<ReadonlyMap<number, Commitment>> {
    const result = new Map<number, Commitment>();
    for (const trace of traces) result.set(trace.buildId, await this.#commit(partitionId, trace));
    return result;
  }

  forgetChunks(
    partitionId: number,
    traces: readonly Pick<StoredTrace, 'buildId' | 'chunks'>[],
  ): Promise<ReadonlySet<number>> {
    const forgotten = new Set<number>();
    for (const { buildId, chunks } of traces) {
      const build = this.builds.get(buildId);
      if (build?.partitionId === partitionId && !this.#areSame(buildId, chunks)) continue;
      for (const { id } of this.chunksOf(buildId)) this.chunks.delete(id);
      if (build) build.pending = null;
      forgotten.add(buildId);
    }
    return Promise.resolve(forgotten);
  }

  async dropUnclaimed(
    _build: { partitionId: number; buildId: number },
    key: string,
    drop: () => Promise<void>,
  ): Promise<'dropped' | 'claimed'> {
    const claims = [...this.artifacts.values()].some(({ fileFinalPath }) => fileFinalPath === key);
    if (claims) return 'claimed';
    await drop();
    return 'dropped';
  }

  async #commit(partitionId: number, trace: StoredTrace): Promise<Commitment> {
    const { buildId, replaces } = trace;
    if (!this.#isFinished(partitionId, buildId)) return 'gone';
    if (!this.#areSame(buildId, trace.chunks)) return 'changed';
    if (trace.isStillStored && !(await trace.isStillStored())) return 'changed';
    const artifact = this.artifacts.get(buildId);
    if (replaces === null && artifact) return 'claimed';
    if (replaces !== null && !isReplaceable(artifact, replaces, trace)) return 'changed';
    this.artifacts.set(buildId, this.#rowOf(trace, artifact));
    return 'committed';
  }

  #isFinished(partitionId: number, buildId: number): boolean {
    const build = this.builds.get(buildId);
    if (build?.partitionId !== partitionId || build.isErased) return false;
    return ['success', 'failed', 'canceled'].includes(build.status);
  }

  #rowOf(trace: StoredTrace, before: TraceArtifact | undefined): TraceArtifact {
    return {
      id: before?.id ?? this.nextId(),
      projectId: trace.projectId,
      jobId: trace.buildId,
      createdOnDays: before?.createdOnDays ?? 20_000,
      file: 'job.log',
      fileStore: 2,
      fileLocation: 2,
      fileFinalPath: trace.key,
      sizeBytes: trace.sizeBytes,
      sha256: trace.sha256,
      ageMs: before?.ageMs ?? 0,
    };
  }

  #areSame(buildId: number, read: readonly ChunkRow[]): boolean {
    const now = this.chunksOf(buildId);
    return (
      now.length === read.length &&
      now.every(({ id, store, lockVersion }, at) => {
        const was = read[at];
        return was?.id === id && was.store === store && was.lockVersion === lockVersion;
      })
    );
  }
}

/** Never a shorter one at the same key. */
function isReplaceable(now: TraceArtifact | undefined, seen: TraceArtifact, trace: StoredTrace) {
  if (now?.id !== seen.id || now.fileFinalPath !== seen.fileFinalPath) return false;
  if (now.sizeBytes !== seen.sizeBytes) return false;
  return now.fileFinalPath !== trace.key || (now.sizeBytes ?? 0) <= trace.sizeBytes;
}

export class MemoryLiveChunks implements LiveChunks {
  readonly data = new Map<string, Buffer>();
  /** Milliseconds that are left of a key; a key without an entry does not end by itself. */
  readonly leftMs = new Map<string, number>();

  lifetimes(keys: readonly string[]): Promise<(number | null)[]> {
    const left = keys.map((key) => (this.data.has(key) ? (this.leftMs.get(key) ?? null) : null));
    return Promise.resolve(left);
  }

  keep(keys: readonly string[], ms: number): Promise<void> {
    for (const key of keys) if (this.data.has(key)) this.leftMs.set(key, ms);
    return Promise.resolve();
  }

  read(keys: readonly string[]): Promise<(Buffer | null)[]> {
    return Promise.resolve(keys.map((key) => this.data.get(key) ?? null));
  }

  lengths(keys: readonly string[]): Promise<number[]> {
    return Promise.resolve(keys.map((key) => this.data.get(key)?.length ?? 0));
  }

  removeUnchanged(
    chunks: readonly { key: string; sizeBytes: number; sha1: string }[],
  ): Promise<boolean[]> {
    const removed = chunks.map(({ key, sizeBytes, sha1 }) => {
      const bytes = this.data.get(key);
      if (!bytes) return true;
      const isSame =
        bytes.length === sizeBytes && createHash('sha1').update(bytes).digest('hex') === sha1;
      if (isSame) this.data.delete(key);
      return isSame;
    });
    return Promise.resolve(removed);
  }
}

export class MemoryTraceObjects implements TraceObjects {
  readonly objects = new Map<string, Buffer>();
  /** Writes that changed the bucket. */
  puts = 0;

  head(key: string): Promise<SeenObject | null> {
    const bytes = this.objects.get(key);
    if (!bytes) return Promise.resolve(null);
    const checksum = createHash('sha256').update(bytes).digest('base64');
    return Promise.resolve({ etag: etagOf(bytes), sizeBytes: bytes.length, checksum });
  }

  put(key: string, body: Buffer, _sha256: Buffer, condition: WriteCondition): Promise<Written> {
    const now = this.objects.get(key);
    const holds =
      'absent' in condition ? !now : now !== undefined && etagOf(now) === condition.etag;
    if (!holds) return Promise.resolve(undefined);
    this.puts += 1;
    this.objects.set(key, Buffer.from(body));
    const checksum = createHash('sha256').update(body).digest('base64');
    return Promise.resolve({ etag: etagOf(body), checksum });
  }

  upload(key: string): Promise<TraceUpload> {
    const parts: Buffer[] = [];
    return Promise.resolve({
      part: (bytes: Buffer) => Promise.resolve(void parts.push(Buffer.from(bytes))),
      complete: (condition: WriteCondition) =>
        this.put(key, Buffer.concat(parts), Buffer.alloc(0), condition),
      abort: () => Promise.resolve(),
    });
  }

  read(key: string, bytesMax: number): Promise<{ bytes: Buffer; etag: string } | null> {
    const bytes = this.objects.get(key);
    if (!bytes) return Promise.resolve(null);
    return Promise.resolve({ bytes: bytes.subarray(0, bytesMax + 1), etag: etagOf(bytes) });
  }

  readRange(
    key: string,
    etag: string,
    fromByte: number,
    lengthBytes: number,
  ): Promise<Buffer | undefined> {
    const bytes = this.objects.get(key);
    const isSame = bytes !== undefined && etagOf(bytes) === etag;
    return Promise.resolve(isSame ? bytes.subarray(fromByte, fromByte + lengthBytes) : undefined);
  }

  removeIf(key: string, etag: string): Promise<boolean> {
    const bytes = this.objects.get(key);
    if (!bytes) return Promise.resolve(true);
    if (etagOf(bytes) !== etag) return Promise.resolve(false);
    this.objects.delete(key);
    return Promise.resolve(true);
  }
}
