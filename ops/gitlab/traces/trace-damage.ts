/**
 * Damages a trace before it is archived. Each function first writes to the ledger which bytes GitLab can no longer
 * show, and which data has lost its row.
 */
import { chunkBytes, chunkStore } from '../../../lib/gitlab/trace-chunks';
import { traceRow } from './archived-trace';
import { archiveAsGitlab } from './gitlab-archiver';
import { liveBytes, type TraceBuild } from './live-trace';
import type { SmallGitlab } from '../small-gitlab';
import {
  chunkRows,
  chunkSize,
  outsideKeys,
  readChunk,
  removeChunkData,
  writeChunk,
  type ChunkRow,
  type ChunkStore,
} from './trace-stores';

async function chunkAt(gitlab: SmallGitlab, build: TraceBuild, index: number): Promise<ChunkRow> {
  const chunk = (await chunkRows(gitlab, build.id)).find((row) => row.index === index);
  if (!chunk) throw new Error(`Build ${build.id} has no chunk ${index}.`);
  return chunk;
}

async function tellLost(gitlab: SmallGitlab, chunk: ChunkRow, keptBytes = 0): Promise<void> {
  const { buildId, index } = chunk;
  const fromByte = index * chunkBytes + keptBytes;
  const toByte = index * chunkBytes + (await chunkSize(gitlab, chunk));
  gitlab.ledger.append([{ kind: 'lost', buildId, fromByte, toByte }]);
}

/** The row stays, its data is gone from its store: Redis evicted it, the bucket lost it. */
export async function loseChunkData(
  gitlab: SmallGitlab,
  build: TraceBuild,
  index: number,
): Promise<void> {
  const chunk = await chunkAt(gitlab, build, index);
  await tellLost(gitlab, chunk);
  if (chunk.store === chunkStore.database) {
    await gitlab.pool.query('UPDATE ci_build_trace_chunks SET raw_data = NULL WHERE id = $1', [
      chunk.id,
    ]);
  } else {
    await removeChunkData(gitlab, [chunk]);
  }
}

/** The data stays where it was, its row is gone: GitLab will never look for it. */
export async function loseChunkRow(
  gitlab: SmallGitlab,
  build: TraceBuild,
  index: number,
): Promise<void> {
  const chunk = await chunkAt(gitlab, build, index);
  await tellLost(gitlab, chunk);
  gitlab.ledger.append([{ kind: 'orphaned', keys: outsideKeys([chunk]) }]);
  await gitlab.pool.query('DELETE FROM ci_build_trace_chunks WHERE id = $1', [chunk.id]);
}

/** The row names another store than the one that has the data. */
export async function misplaceChunk(
  gitlab: SmallGitlab,
  build: TraceBuild,
  index: number,
  saidStore: ChunkStore,
): Promise<void> {
  const chunk = await chunkAt(gitlab, build, index);
  await tellLost(gitlab, chunk);
  gitlab.ledger.append([{ kind: 'orphaned', keys: outsideKeys([chunk]) }]);
  await gitlab.pool.query('UPDATE ci_build_trace_chunks SET data_store = $2 WHERE id = $1', [
    chunk.id,
    saidStore,
  ]);
}

/** Shorter or longer than before; a chunk that is not the last then does not fit its place. */
export async function resizeChunk(
  gitlab: SmallGitlab,
  build: TraceBuild,
  index: number,
  sizeBytes: number,
): Promise<void> {
  const chunk = await chunkAt(gitlab, build, index);
  const bytes = (await readChunk(gitlab, chunk)) ?? Buffer.alloc(0);
  const isLonger = sizeBytes > bytes.length;
  // A reader cannot show any of a chunk that exceeds its size.
  await tellLost(gitlab, chunk, isLonger ? 0 : sizeBytes);
  const extra = Buffer.alloc(Math.max(0, sizeBytes - bytes.length), 'x');
  await writeChunk(gitlab, chunk, Buffer.concat([bytes.subarray(0, sizeBytes), extra]));
}

/** Other bytes of the same length, so that only a checksum reveals it. */
export async function corruptChunk(
  gitlab: SmallGitlab,
  build: TraceBuild,
  index: number,
): Promise<void> {
  const chunk = await chunkAt(gitlab, build, index);
  await tellLost(gitlab, chunk);
  await writeChunk(gitlab, chunk, Buffer.alloc(await chunkSize(gitlab, chunk), 'x'));
}

/** The chunk's own checksum, decimal digits, is that of other bytes. */
export async function missumChunk(
  gitlab: SmallGitlab,
  build: TraceBuild,
  index: number,
): Promise<void> {
  const chunk = await chunkAt(gitlab, build, index);
  await gitlab.pool.query('UPDATE ci_build_trace_chunks SET checksum = $2 WHERE id = $1', [
    chunk.id,
    Buffer.from('1'),
  ]);
}

/** The pipeline is right to leave this trace unarchived: `verify` then checks only its bytes. */
export function mayStay(gitlab: SmallGitlab, build: TraceBuild, why: string): void {
  gitlab.ledger.append([{ kind: 'trace-stays', buildId: build.id, why }]);
}

/** GitLab was first and crashed: with its object stored, or with its upload refused. */
export async function halfArchiveAsGitlab(
  gitlab: SmallGitlab,
  build: TraceBuild,
  diedAfter: 'row' | 'upload',
): Promise<void> {
  if (diedAfter === 'row') {
    await archiveAsGitlab(gitlab, build, { uploadFails: true });
    return;
  }
  const died = new Error('GitLab died');
  const between = (step: string): void => {
    if (step === 'uploaded') throw died;
  };
  await archiveAsGitlab(gitlab, build, { between }).catch((error: unknown) => {
    if (error !== died) throw error;
  });
}

/** A row of GitLab whose object holds other bytes, while the chunks still hold the right ones. */
export async function archiveWrongly(gitlab: SmallGitlab, build: TraceBuild): Promise<void> {
  const toByte = await liveBytes(gitlab, build.id);
  gitlab.ledger.append([{ kind: 'lost', buildId: build.id, fromByte: 0, toByte }]);
  await halfArchiveAsGitlab(gitlab, build, 'upload');
  const row = await traceRow(gitlab.pool, build.id);
  if (row?.key == null) throw new Error(`GitLab did not archive build ${build.id}.`);
  await gitlab.objects.load([{ key: row.key, body: Buffer.alloc(toByte, 'x') }]);
}
