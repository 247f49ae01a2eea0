/**
 * Moves the data of live chunks into their rows, in the form in which GitLab flushes a chunk to its
 * `database` store: data, CRC32 in decimal, and a new lock_version.
 */
import { chunkStore } from '../../gitlab/trace-chunks';
import type { PostgresPool, PostgresSession, Statement } from './pool';
import { byKeyset } from './stale-builds';

export interface ChunkMove {
  /** Of the chunk's row. */
  readonly id: number;
  readonly buildId: number;
  readonly index: number;
  /** As they were read; a row that has changed since stays as it is. */
  readonly store: number;
  readonly lockVersion: number;
  readonly bytes: Buffer;
  readonly crc32: number;
}

export interface Moved {
  /** Ids of the rows that have the data now. */
  readonly ids: ReadonlySet<number>;
  /** How long the database took for the UPDATE and the COMMIT. */
  readonly elapsedMs: number;
}

/** Where a page begins: behind that build. */
export interface MovableCursor {
  readonly partitionId: number;
  readonly afterBuildId: number;
}

export interface MovablePage {
  readonly buildIds: readonly number[];
  /** Null behind the last one. */
  readonly next: MovableCursor | null;
}

/** The first number that is no id: 2^53. */
const idEnd = '9007199254740992';

/**
 * Builds of a partition_id with chunks outside the bucket, in the order of the chunks' index. Those with unusable
 * values come back, too, for the cursor.
 */
const movablePage: Statement = {
  name: 'movable-builds-page',
  text: `
    WITH keys AS MATERIALIZED (
      SELECT DISTINCT build_id FROM ci_build_trace_chunks
      WHERE partition_id = $1 AND build_id > $2 AND build_id < ${idEnd}
        AND data_store <> ${chunkStore.fog}
      ORDER BY build_id LIMIT $3
    )
    SELECT keys.build_id AS "buildId", build.id IS NOT NULL AS "isSound"
    FROM keys LEFT JOIN p_ci_builds AS build
      ON build.id = keys.build_id AND build.partition_id = $1 AND build.type = 'Ci::Build'
     AND build.erased_at IS NULL AND build.project_id > 0 AND build.project_id < ${idEnd}
    ORDER BY keys.build_id`,
};

const nextPartition: Statement = {
  name: 'movable-builds-next-partition',
  text: `
    SELECT min(partition_id) AS "partitionId" FROM ci_build_trace_chunks
    WHERE partition_id > $1 AND partition_id < ${idEnd}`,
};

/** In id order, as the archive locks them; a lock_version that cannot grow any more stays as it is. */
const moveChunks: Statement = {
  name: 'move-chunks',
  text: `
    WITH moved AS MATERIALIZED (
      SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::int[], $4::int[], $5::int[], $6::bytea[], $7::text[])
        AS t (id, build_id, chunk_index, store, lock_version, bytes, crc32)
    ), locked AS MATERIALIZED (
      SELECT chunk.id FROM ci_build_trace_chunks AS chunk
      WHERE chunk.id = ANY ($1::bigint[]) ORDER BY chunk.id FOR UPDATE
    )
    UPDATE ci_build_trace_chunks AS chunk
    SET data_store = ${chunkStore.database}, raw_data = moved.bytes,
        checksum = convert_to(moved.crc32, 'UTF8'), lock_version = chunk.lock_version + 1
    FROM moved JOIN locked ON locked.id = moved.id
    WHERE chunk.id = moved.id AND chunk.build_id = moved.build_id
      AND chunk.chunk_index = moved.chunk_index AND chunk.data_store = moved.store
      AND chunk.lock_version = moved.lock_version AND chunk.lock_version < 2147483647
    RETURNING chunk.id`,
};

const begin: Statement = { name: 'begin', text: 'BEGIN' };
const commit: Statement = { name: 'commit', text: 'COMMIT' };
const rollback: Statement = { name: 'rollback', text: 'ROLLBACK' };
const endIdle: Statement = {
  name: 'end-idle-transaction',
  text: `SELECT set_config('idle_in_transaction_session_timeout', $1, true)`,
};

export class PostgresChunkMoves {
  readonly #pool: PostgresPool;

  constructor(pool: PostgresPool) {
    this.#pool = pool;
  }

  /** @throws PostgresError. */
  readPage({ partitionId, afterBuildId }: MovableCursor, buildsMax: number): Promise<MovablePage> {
    return this.#pool.readSnapshot(async (session) => {
      await session.query(byKeyset);
      const values = [partitionId, afterBuildId, buildsMax];
      const rows = await session.query<{ buildId: number; isSound: boolean }>(movablePage, values);
      const buildIds = rows.filter(({ isSound }) => isSound).map(({ buildId }) => buildId);
      const last = rows.at(-1);
      if (last && rows.length === buildsMax) {
        return { buildIds, next: { partitionId, afterBuildId: last.buildId } };
      }
      const [above] = await session.query<{ partitionId: number | null }>(nextPartition, [
        partitionId,
      ]);
      const next = above?.partitionId ?? null;
      return { buildIds, next: next === null ? null : { partitionId: next, afterBuildId: 0 } };
    });
  }

  /**
   * All in one transaction. Between the UPDATE, which takes its time, and the COMMIT it calls `mayCommit`, and changes
   * nothing when that returns false.
   *
   * @param commitWithinMs after the answer to the UPDATE: later the server itself ends the transaction. A fact that
   * `mayCommit` has checked, and that holds for longer than this, holds at the commit, even when this process froze in
   * between.
   * @throws PostgresError; after a lost connection the rows may be changed or not.
   */
  move(
    moves: readonly ChunkMove[],
    commitWithinMs: number,
    mayCommit: () => Promise<boolean>,
  ): Promise<Moved> {
    return this.#pool.withSession(async (session) => {
      await session.query(begin);
      await session.query(endIdle, [String(commitWithinMs)]);
      const update = await timed(() => updateRows(session, moves));
      if (!(await mayCommit())) {
        await session.query(rollback);
        return { ids: new Set(), elapsedMs: update.elapsedMs };
      }
      const end = await timed(() => session.query(commit));
      return { ids: update.result, elapsedMs: update.elapsedMs + end.elapsedMs };
    });
  }
}

async function updateRows(
  session: PostgresSession,
  moves: readonly ChunkMove[],
): Promise<ReadonlySet<number>> {
  const rows = await session.query<{ id: number }>(moveChunks, [
    moves.map(({ id }) => id),
    moves.map(({ buildId }) => buildId),
    moves.map(({ index }) => index),
    moves.map(({ store }) => store),
    moves.map(({ lockVersion }) => lockVersion),
    moves.map(({ bytes }) => bytes),
    moves.map(({ crc32 }) => String(crc32)),
  ]);
  return new Set(rows.map(({ id }) => id));
}

async function timed<T>(work: () => Promise<T>): Promise<{ result: T; elapsedMs: number }> {
  const beganMs = performance.now();
  const result = await work();
  return { result, elapsedMs: performance.now() - beganMs };
}
