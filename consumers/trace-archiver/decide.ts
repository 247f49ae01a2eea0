/** Decides what happens to a trace. Pure: from the answers of the stores. */
import { artifactObjectKey, UnusableObjectKeyError } from '../../lib/gitlab/object-key';
import { fileStore } from '../../lib/gitlab/enums';
import { chunkBytes, isLive } from '../../lib/gitlab/trace-chunks';
import type {
  BuildTrace,
  ChunkRow,
  PendingState,
  TraceArtifact,
} from '../../lib/gitlab/trace-rows';

export interface ArchiveRules {
  /** After its end a build's trace may still grow or be flushed: GitLab's own window. */
  readonly settleMs: number;
  /** For so long a wrong checksum may mean that bytes are still to come. */
  readonly doubtMs: number;
  /** Chunk data counts as lost when it is missing for so long, and in so many reads. */
  readonly lostAfterMs: number;
  readonly lostReads: number;
  /** A GitLab row without an object is adopted at this age. */
  readonly adoptAfterMs: number;
  readonly bytesMax: number;
  /** Live data that ends sooner is saved in its present state: archived with markers, or kept for longer. */
  readonly saveBeforeMs: number;
  /** For so long data is kept that cannot be archived: GitLab's own time to live, begun again. */
  readonly keepMs: number;
  /** So long after a build's end its data is not kept any more. */
  readonly keepUntilMs: number;
}

export type Look =
  /** Nothing to archive. `checkKey`: an earlier attempt may have left our object behind. */
  | { readonly kind: 'nothing'; readonly reason: string; readonly checkKey: boolean }
  /** Cannot be distinguished from damage: stays unchanged, and is logged. */
  | { readonly kind: 'leave'; readonly reason: string }
  | { readonly kind: 'archive' }
  /** Our row is committed: from then on the object is the truth. */
  | { readonly kind: 'extend'; readonly artifact: TraceArtifact }
  /** GitLab's row: complete, on its way, or to be adopted. */
  | { readonly kind: 'beside-gitlab'; readonly artifact: TraceArtifact; readonly theirKey: string };

const finished = new Set(['success', 'failed', 'canceled']);

/** @param ourKey the key of this build's trace. */
export function lookAt(trace: BuildTrace | undefined, ourKey: string, rules: ArchiveRules): Look {
  if (!trace) return { kind: 'nothing', reason: 'the build is gone', checkKey: true };
  const refusal = refuseBuild(trace) ?? refuseChunks(trace);
  if (refusal) return refusal;
  const { artifact, chunks } = trace;
  const isOurs = artifact?.fileFinalPath === ourKey;
  const last = chunks.at(-1);
  if (!last) {
    const reason = artifact ? 'archived already' : 'there is no chunk';
    return { kind: 'nothing', reason, checkKey: !isOurs };
  }
  if (last.index * chunkBytes >= rules.bytesMax) {
    return { kind: 'leave', reason: 'longer than ARCHIVE_BYTES_MAX' };
  }
  if (!artifact) return { kind: 'archive' };
  return isOurs ? { kind: 'extend', artifact } : besideGitlab(artifact);
}

/** PostgreSQL allows a negative index: bytes before the first one have no place in an object. */
function refuseChunks({ chunks }: BuildTrace): Look | undefined {
  const [first] = chunks;
  if (first === undefined || first.index >= 0) return undefined;
  return { kind: 'leave', reason: `it has a chunk ${first.index}` };
}

function refuseBuild({ type, status, isErased }: BuildTrace): Look | undefined {
  if (type !== 'Ci::Build') return nothing('not a build with a trace');
  if (isErased) return { kind: 'nothing', reason: 'the build was erased', checkKey: true };
  return finished.has(status ?? '') ? undefined : nothing('the build has not finished');
}

const nothing = (reason: string): Look => ({ kind: 'nothing', reason, checkKey: false });

function besideGitlab(artifact: TraceArtifact): Look {
  if (artifact.fileStore !== fileStore.remote) return nothing('GitLab keeps it on its own disk');
  try {
    // A trace is always hashed, with any value in the row.
    const theirKey = artifactObjectKey({ ...artifact, fileLocation: null });
    if (theirKey !== null) return { kind: 'beside-gitlab', artifact, theirKey };
  } catch (error) {
    if (!(error instanceof UnusableObjectKeyError)) throw error;
  }
  return { kind: 'leave', reason: 'GitLab’s row names no usable object' };
}

/** At once when nothing is being written any more and the runner's checksum is known; else after the window. */
export function isSettled(
  trace: BuildTrace | undefined,
  finishedAtMs: number,
  nowMs: number,
  rules: ArchiveRules,
): boolean {
  if (nowMs >= finishedAtMs + rules.settleMs) return true;
  if (!trace || trace.chunks.length === 0) return true;
  return trace.pending?.checksum != null && !trace.chunks.some(({ store }) => isLive(store));
}

/** A place in the trace: its chunk's row, or none where one should be. */
export interface Place {
  readonly index: number;
  readonly row: ChunkRow | null;
  readonly isLast: boolean;
}

/** Every index from 0 to the last row's, in order. */
export function placesOf(chunks: readonly ChunkRow[]): Place[] {
  const rows = new Map(chunks.map((chunk) => [chunk.index, chunk]));
  const last = chunks.at(-1)?.index ?? -1;
  return Array.from({ length: last + 1 }, (_, index) => ({
    index,
    row: rows.get(index) ?? null,
    isLast: index === last,
  }));
}

/** @returns why a chunk of this size cannot be in this place, or undefined. */
export function misfit({ index, isLast }: Place, sizeBytes: number): string | undefined {
  if (sizeBytes > chunkBytes) return `chunk ${index} has ${sizeBytes} bytes, more than a chunk`;
  if (!isLast && sizeBytes < chunkBytes) {
    return `chunk ${index} has ${sizeBytes} bytes, and is not the last`;
  }
  return undefined;
}

type Agreement = 'agrees' | 'differs' | 'untold';

/** The runner's checksum is hexadecimal (a chunk's own is decimal). */
export function agreement(
  pending: PendingState | null,
  content: { readonly crc32: number; readonly sizeBytes: number },
): Agreement {
  const reported = /^crc32:([0-9a-f]{1,8})$/i.exec(pending?.checksum ?? '')?.[1];
  if (reported !== undefined)
    return Number.parseInt(reported, 16) === content.crc32 ? 'agrees' : 'differs';
  if (pending?.sizeBytes != null) {
    return pending.sizeBytes === content.sizeBytes ? 'agrees' : 'differs';
  }
  return 'untold';
}

/** A flushed chunk carries its own checksum; a late append does not update it. */
export const chunkAgrees = (row: ChunkRow | null, crc32: number): boolean =>
  row?.checksum == null || row.checksum === '' || Number(row.checksum) === crc32;

/**
 * - `go`: archive it;
 * - `settle`: within the window, soon again;
 * - `doubt`: bytes may still come; later again;
 * - `go-and-tell`: they have not come, and the data expires if the archiver waits; archive and log it.
 */
export function judgeChecksums(
  seen: { readonly whole: Agreement; readonly chunksDiffer: boolean },
  finishedAtMs: number,
  nowMs: number,
  rules: ArchiveRules,
): 'go' | 'settle' | 'doubt' | 'go-and-tell' {
  if (seen.whole === 'agrees' || (seen.whole === 'untold' && !seen.chunksDiffer)) return 'go';
  if (nowMs < finishedAtMs + rules.settleMs) return 'settle';
  return nowMs < finishedAtMs + rules.doubtMs ? 'doubt' : 'go-and-tell';
}

export const isGivenUp = (
  missing: { readonly reads: number; readonly firstMs: number },
  nowMs: number,
  rules: ArchiveRules,
): boolean => missing.reads >= rules.lostReads && nowMs - missing.firstMs >= rules.lostAfterMs;

/**
 * Replaces a lost chunk, with the same length, so that later bytes keep their offset and a redelivery can compare;
 * short in the last place, where the length is unknown.
 */
export function markerOf({ index, isLast }: Place): Buffer {
  const line = `[afterbuild] chunk ${index} of this log was lost before it could be archived`;
  return Buffer.from(isLast ? `${line}\n` : `${line.padEnd(chunkBytes - 1)}\n`);
}

/** Follows a chunk of a wrong size; where there is room, the next bytes get their right offset. */
export function misfitMarkerOf({ index }: Place, sizeBytes: number): Buffer {
  const line = `\n[afterbuild] chunk ${index} of this log has ${sizeBytes} bytes instead of ${chunkBytes}`;
  const room = chunkBytes - sizeBytes;
  return Buffer.from(room > line.length ? `${line.padEnd(room - 1)}\n` : `${line}\n`);
}

/** @param endsInMs null: it never ends by itself. */
export const endsSoon = (endsInMs: number | null, { saveBeforeMs }: ArchiveRules): boolean =>
  endsInMs !== null && endsInMs < saveBeforeMs;

/** Whether the data of a trace that cannot be archived may get GitLab's time to live once more. */
export const mayBeKept = (sinceEndMs: number, { keepMs, keepUntilMs }: ArchiveRules): boolean =>
  sinceEndMs + keepMs <= keepUntilMs;

/** A lease held elsewhere: whether it will end soon (it is young, or left by a crash), or its holder works. */
export function leaseEndsSoon(leftMs: number, ourTtlMs: number): boolean {
  const gitlabTtlMs = 600_000;
  const youngMs = 15_000;
  return leftMs <= ourTtlMs || (leftMs <= gitlabTtlMs && leftMs > gitlabTtlMs - youngMs);
}
