/** An archiver on stores in memory, a small GitLab that writes traces there, and a reader of both. */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { pino } from 'pino';
import { createHandler, type FinishedRecord } from '../../../consumers/trace-archiver/handler';
import type { ArchiveRules } from '../../../consumers/trace-archiver/decide';
import type { ArchiveBrake } from '../../../consumers/trace-archiver/ports';
import type { Dependencies } from '../../../consumers/trace-archiver/dependencies';
import { BrakeError } from '../../../lib/brake/brake';
import { AbsenceGauge } from '../../../lib/brake/absence-gauge';
import type { Verdict } from '../../../lib/brake/decide';
import { artifactObjectKey } from '../../../lib/gitlab/object-key';
import { chunkBytes, chunkObjectKey, chunkRedisKey } from '../../../lib/gitlab/trace-chunks';
import { traceKey } from '../../../lib/gitlab/trace-key';
import type { Outcome } from '../../../lib/runtime/outcome';
import { ByteBudget } from '../../../lib/process/byte-budget';
import type { Clock } from '../../../lib/process/clock';
import type { Logger } from '../../../lib/process/logger';
import { steps } from '../../../lib/process/steps';
import type { BuildFinished } from '../../../schemas/generated';
import { MemoryMissingChunks, MemoryTraceLeases } from './memory-leases';
import {
  MemoryLiveChunks,
  MemoryTraceObjects,
  MemoryTraceRows,
  type MemoryBuild,
  type MemoryChunk,
} from './memory-traces';

export const archiverSteps = steps.filter((step) => step.startsWith('archiver.'));
export const hourMs = 3_600_000;
const finishedAtMs = 1_000_000;

export const rules: ArchiveRules = {
  settleMs: 120_000,
  doubtMs: 24 * hourMs,
  lostAfterMs: 24 * hourMs,
  lostReads: 3,
  adoptAfterMs: 24 * hourMs,
  bytesMax: 50 * chunkBytes,
  saveBeforeMs: 24 * hourMs,
  keepMs: 168 * hourMs,
  keepUntilMs: 720 * hourMs,
};

const longest = new Map<number, Buffer>();

/** Bytes that differ at every offset and from build to build; not to be written to. */
export function bytesOf(buildId: number, from: number, length: number): Buffer {
  const all = longest.get(buildId) ?? Buffer.alloc(42 * chunkBytes);
  if (!longest.has(buildId)) {
    for (let at = 0; at < all.length; at += 1) all[at] = at * 31 + buildId * 7 + (at >> 9);
    longest.set(buildId, all);
  }
  return all.subarray(from, from + length);
}

export const ownerOf = (buildId: number) => ({ partitionId: 100, buildId, projectId: 1 });
export const ourKey = (buildId: number) => traceKey(ownerOf(buildId));

export const skipped = (reason: string | RegExp): unknown[] => [
  {
    kind: 'skip',
    reason: typeof reason === 'string' ? reason : (expect.stringMatching(reason) as string),
  },
];

export class TraceGround {
  readonly rows = new MemoryTraceRows();
  readonly sharedState = new MemoryLiveChunks();
  readonly traceChunks = new MemoryLiveChunks();
  readonly objects = new MemoryTraceObjects();
  readonly leases = new MemoryTraceLeases();
  readonly missing = new MemoryMissingChunks();
  readonly lines: Record<string, unknown>[] = [];
  /** By build: the shown traces whose data ends. */
  readonly ending = new Map<number, { endsAtMs: number; reason: string; isKept: boolean }>();
  nowMs = finishedAtMs + hourMs;
  held: string | undefined;
  verdict: Verdict = { kind: 'same-history' };

  /** A finished build without a trace. */
  build(buildId: number, change: Partial<MemoryBuild> = {}): void {
    const { partitionId, projectId } = ownerOf(buildId);
    const build = { partitionId, projectId, type: 'Ci::Build', status: 'success' };
    this.rows.builds.set(buildId, { ...build, isErased: false, pending: null, ...change });
  }

  /** A build with a trace of that length, each chunk in the store that `storeOf` returns. */
  trace(buildId: number, sizeBytes: number, storeOf: (index: number) => number = () => 4): Buffer {
    this.build(buildId);
    const bytes = bytesOf(buildId, 0, sizeBytes);
    const count = Math.max(1, Math.ceil(sizeBytes / chunkBytes));
    for (let index = 0; index < count; index += 1) {
      const data = bytes.subarray(index * chunkBytes, (index + 1) * chunkBytes);
      this.chunk(buildId, index, storeOf(index), data);
    }
    return bytes;
  }

  chunk(buildId: number, index: number, store: number, bytes: Buffer | null): MemoryChunk {
    const chunk: MemoryChunk = {
      id: this.rows.nextId(),
      buildId,
      index,
      store,
      lockVersion: 0,
      checksum: store === 1 || store === 4 || !bytes ? null : String(crc32(bytes)),
      rawData: store === 2 ? bytes : null,
    };
    this.rows.chunks.set(chunk.id, chunk);
    if (bytes) this.put(chunk, bytes);
    return chunk;
  }

  put({ buildId, index, store, id }: MemoryChunk, bytes: Buffer): void {
    if (store === 1) this.sharedState.data.set(chunkRedisKey(buildId, index), bytes);
    if (store === 4) this.traceChunks.data.set(chunkRedisKey(buildId, index), bytes);
    if (store === 3) this.objects.objects.set(chunkObjectKey(buildId, index), bytes);
    const row = this.rows.chunks.get(id);
    if (store === 2 && row) row.rawData = bytes;
  }

  dataOf({ buildId, index, store, rawData }: MemoryChunk): Buffer | undefined {
    if (store === 1) return this.sharedState.data.get(chunkRedisKey(buildId, index));
    if (store === 4) return this.traceChunks.data.get(chunkRedisKey(buildId, index));
    if (store === 3) return this.objects.objects.get(chunkObjectKey(buildId, index));
    return rawData ?? undefined;
  }

  lose(chunk: MemoryChunk): void {
    this.sharedState.data.delete(chunkRedisKey(chunk.buildId, chunk.index));
    this.traceChunks.data.delete(chunkRedisKey(chunk.buildId, chunk.index));
    this.objects.objects.delete(chunkObjectKey(chunk.buildId, chunk.index));
    chunk.rawData = null;
  }

  /** The runner's checksum; the right one unless given. */
  pending(buildId: number, bytes: Buffer, checksum = crc32(bytes).toString(16)): void {
    const build = this.rows.builds.get(buildId);
    if (build) build.pending = { checksum: `crc32:${checksum}`, sizeBytes: bytes.length };
  }

  /** GitLab's own row for the trace; its object is a matter of its own. */
  gitlabRow(buildId: number, sizeBytes: number, ageMs = 0): string {
    const artifact = {
      id: this.rows.nextId(),
      projectId: 1,
      jobId: buildId,
      createdOnDays: 20_000,
      file: 'job.log',
      fileStore: 2,
      fileLocation: 2,
      fileFinalPath: null,
      sizeBytes,
      sha256: null,
      ageMs,
    };
    this.rows.artifacts.set(buildId, artifact);
    return artifactObjectKey(artifact) ?? '';
  }

  /** As GitLab reads: the archived object first, else the chunks. Undefined: unreadable. */
  readTrace(buildId: number): Buffer | undefined {
    const artifact = this.rows.artifacts.get(buildId);
    const key = artifact ? artifactObjectKey(artifact) : null;
    const object = key === null ? undefined : this.objects.objects.get(key);
    if (object) return object;
    const data = this.rows.chunksOf(buildId).map((chunk) => this.dataOf(chunk));
    return data.includes(undefined) ? undefined : Buffer.concat(data as Buffer[]);
  }

  /** Keys of chunk data, in any store. */
  chunkKeys(): string[] {
    const fog = [...this.objects.objects.keys()].filter((key) => key.startsWith('tmp/'));
    return [...this.sharedState.data.keys(), ...this.traceChunks.data.keys(), ...fog];
  }

  /** One micro-batch. */
  archive(...ids: number[]): Promise<Outcome[]> {
    return this.archiver()(...ids.map((id) => record(id)));
  }

  objectOf(id: number): Buffer | undefined {
    return this.objects.objects.get(ourKey(id));
  }

  /** Object, row and the remaining chunks agree. */
  expectArchived(id: number, bytes: Buffer): void {
    expect(this.objectOf(id)?.equals(bytes)).toBe(true);
    expect(this.rows.artifacts.get(id)).toMatchObject({
      file: 'job.log',
      fileStore: 2,
      fileLocation: 2,
      fileFinalPath: ourKey(id),
      sizeBytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    });
    expect([this.rows.chunksOf(id), this.chunkKeys()]).toEqual([[], []]);
    expect(this.rows.builds.get(id)?.pending).toBeNull();
    expect(this.leases.held.size).toBe(0);
  }

  /** No object of ours exists. */
  expectUntouched(id: number, bytes?: Buffer): void {
    if (bytes) expect(this.readTrace(id)?.equals(bytes)).toBe(true);
    expect([this.objectOf(id), this.leases.held.size]).toEqual([undefined, 0]);
  }

  clock(): Clock {
    return {
      nowMs: () => this.nowMs,
      sleep: () => Promise.resolve(),
      every: () => () => undefined,
    };
  }

  logger(): Logger {
    const write = (line: string) =>
      void this.lines.push(JSON.parse(line) as Record<string, unknown>);
    return pino({ base: {} }, { write });
  }

  brake(): ArchiveBrake {
    return {
      assertReleased: () =>
        this.held === undefined ? Promise.resolve() : Promise.reject(new BrakeError(this.held)),
      judge: () => Promise.resolve(this.verdict),
      hold: (reason) => (this.held = reason),
      absence: new AbsenceGauge(),
    };
  }

  archiver(
    other: Partial<Dependencies> = {},
  ): (...records: FinishedRecord[]) => Promise<Outcome[]> {
    const handle = createHandler({
      rows: this.rows,
      objects: this.objects,
      chunks: {
        rows: this.rows,
        sharedState: this.sharedState,
        traceChunks: this.traceChunks,
        objects: this.objects,
      },
      leases: this.leases,
      missing: this.missing,
      ending: {
        waits: ({ buildId }, ending) => void this.ending.set(buildId, ending),
        over: ({ buildId }) => void this.ending.delete(buildId),
      },
      brake: this.brake(),
      counts: { trace: () => undefined },
      rules,
      leaseMs: 30_000,
      budget: new ByteBudget(24 * 1024 * 1024),
      clock: this.clock(),
      logger: this.logger(),
      reach: () => undefined,
      ...other,
    });
    const { signal } = new AbortController();
    return async (...records) => [...(await handle(records, signal))];
  }
}

export function record(
  buildId: number,
  change: Partial<FinishedRecord> = {},
  fields: Partial<BuildFinished> = {},
): FinishedRecord {
  const origin = { systemIdentifier: '7', databaseName: 'gitlab', timeline: 1, lsn: 1 };
  return {
    topic: 'builds.finished',
    partition: 0,
    offset: 0,
    key: `100:${buildId}`,
    value: {
      origin,
      source: 'change',
      ...ownerOf(buildId),
      status: 'success',
      finishedAtMs,
      ...fields,
    },
    headers: {},
    timestampMs: 5,
    sizeBytes: 1,
    attempt: 1,
    maybeRepeated: false,
    ...change,
  };
}
