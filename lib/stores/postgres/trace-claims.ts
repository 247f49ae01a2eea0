/** Which chunk data the rows claim: the reconciliation's view of live traces. */
import type { PostgresPool, Statement } from './pool';

export interface ChunkClaim {
  readonly buildId: number;
  readonly partitionId: number;
  readonly index: number;
  readonly store: number;
  /** Of the build's archived trace by its row; 0 without one. */
  readonly archivedBytes: number;
  /** Its build was erased, or never ran: its trace will not be read. */
  readonly isOver: boolean;
}

const chunkClaim = `
  SELECT chunk.build_id AS "buildId", chunk.partition_id AS "partitionId",
         chunk.chunk_index AS index, chunk.data_store AS store,
         least(greatest(artifact.size, 0), 9007199254740991) AS "archivedBytes",
         coalesce(build.erased_at IS NOT NULL OR build.status = 'skipped', false) AS "isOver"
  FROM ci_build_trace_chunks AS chunk
  LEFT JOIN p_ci_builds AS build
    ON build.id = chunk.build_id AND build.partition_id = chunk.partition_id
  LEFT JOIN p_ci_job_artifacts AS artifact
    ON artifact.job_id = chunk.build_id AND artifact.file_type = 3
   AND artifact.partition_id = chunk.partition_id AND artifact.file_store = 2`;

const allChunks: Statement = { name: 'all-chunks', text: chunkClaim };

const chunksOf: Statement = {
  name: 'chunks-of',
  text: `${chunkClaim}
    JOIN unnest($1::bigint[], $2::int[]) AS asked (build_id, chunk_index)
      ON chunk.build_id = asked.build_id AND chunk.chunk_index = asked.chunk_index`,
};

const existingBuilds: Statement = {
  name: 'existing-builds',
  text: 'SELECT DISTINCT id FROM p_ci_builds WHERE id = ANY($1::bigint[])',
};

export interface ChunkName {
  readonly buildId: number;
  readonly index: number;
}

export class PostgresTraceClaims {
  readonly #pool: PostgresPool;

  constructor(pool: PostgresPool) {
    this.#pool = pool;
  }

  /** Every chunk row in one snapshot. */
  all(): AsyncGenerator<ChunkClaim, void, undefined> {
    return this.#pool.stream<ChunkClaim>(allChunks);
  }

  /** Those of the chunks that have a row now. */
  of(chunks: readonly ChunkName[]): Promise<ChunkClaim[]> {
    const buildIds = chunks.map(({ buildId }) => buildId);
    const indexes = chunks.map(({ index }) => index);
    return this.#pool.query<ChunkClaim>(chunksOf, [buildIds, indexes]);
  }

  /** @returns those of the builds that have a row, in any partition. */
  async existing(buildIds: readonly number[]): Promise<ReadonlySet<number>> {
    const rows = await this.#pool.query<{ id: number }>(existingBuilds, [buildIds]);
    return new Set(rows.map(({ id }) => id));
  }
}
