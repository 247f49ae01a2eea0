/** Artifact rows in a real source database, made as GitLab makes them, and pools of the pipeline's roles. */
import type { Client } from 'pg';
import type { ArtifactKeyColumns } from '../../../lib/gitlab/object-key';
import { deletingSessions } from '../../../lib/stores/postgres/artifacts';
import { PostgresPool, type PostgresSettings } from '../../../lib/stores/postgres/pool';
import { insertArtifactRows, insertBuilds, insertPipelines } from '../../../ops/gitlab/rows';
import type { MemoryRow } from '../memory/memory-artifacts';
import type { SourcePasswords } from '../../../ops/gitlab/schema';
import { SourceDatabase } from '../stack/source-database';
import { currentStack, sourcePasswords } from '../stack/stack';

export type NewRow = Omit<MemoryRow, 'id' | 'expireAtMs'> & {
  /** Relative to the database's now; null never expires. */
  readonly expiresInMs: number | null;
};

export class ArtifactSource {
  readonly database: SourceDatabase;
  #owner: Client | undefined;
  readonly #pools: PostgresPool[] = [];

  constructor(name: string) {
    this.database = new SourceDatabase(name);
  }

  async open(): Promise<void> {
    await this.database.apply();
    this.#owner = await this.database.connect('gitlab');
  }

  async close(): Promise<void> {
    await Promise.all(this.#pools.map((pool) => pool.close()));
    await this.#owner?.end();
    await this.database.drop();
  }

  get owner(): Client {
    if (!this.#owner) throw new Error('the source is not open');
    return this.#owner;
  }

  settings(role: keyof SourcePasswords): PostgresSettings {
    const stack = currentStack();
    const { host, port } = stack.addresses.postgres;
    return {
      host,
      port,
      database: this.database.name,
      user: role,
      password: sourcePasswords(stack)[role],
      tlsCa: undefined,
      applicationName: 'conformance',
      connectionsMax: 3,
      connectTimeoutMs: 5_000,
      statementTimeoutMs: 10_000,
      lockTimeoutMs: 300,
      planCacheMode: 'auto',
      ...(role === 'afterbuild_deleter' ? deletingSessions : {}),
    };
  }

  pool(role: keyof SourcePasswords): PostgresPool {
    const pool = new PostgresPool(this.settings(role));
    this.#pools.push(pool);
    return pool;
  }

  /** A build in the partition; an artifact belongs to one. */
  async build(partitionId = 100, projectId = 1): Promise<number> {
    const place = { partitionId, projectId, createdAtMs: 0, status: 'success' };
    const [pipelineId] = await insertPipelines(this.owner, [{ ...place, locked: false }]);
    const build = {
      ...place,
      pipelineId: pipelineId!,
      finishedAtMs: 0,
      type: 'Ci::Build' as const,
    };
    const [id] = await insertBuilds(this.owner, [build]);
    return id!;
  }

  /** @returns the rows as a record would name them, with the ids that the trigger assigned. */
  async insert(rows: readonly NewRow[]): Promise<ArtifactKeyColumns[]> {
    const nowMs = Date.now();
    const ids = await insertArtifactRows(
      this.owner,
      rows.map((row) => ({
        ...row,
        sizeBytes: 1,
        createdAtMs: row.createdOnDays * 86_400_000 + 3_600_000,
        expireAtMs: row.expiresInMs === null ? null : nowMs + row.expiresInMs,
      })),
    );
    return rows.map((row, index) => ({
      id: ids[index]!,
      projectId: row.projectId,
      jobId: row.jobId,
      createdOnDays: row.createdOnDays,
      file: row.file,
      fileLocation: row.fileLocation,
      fileFinalPath: row.fileFinalPath,
    }));
  }
}
