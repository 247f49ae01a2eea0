/** The connections of the small GitLab, and the one way in which it stores artifacts. */
import type { Redis } from 'ioredis';
import type { Pool, PoolClient } from 'pg';
import { fileStore } from '../../lib/gitlab/enums';
import { artifactObjectKey } from '../../lib/gitlab/object-key';
import type { ArtifactEntry, Ledger } from './ledger';
import type { GitlabObjects, NewObject, ObjectLoader } from './objects';
import {
  insertArtifactChildren,
  insertArtifactRows,
  type NewArtifactRow,
  type Queryable,
} from './rows';

export interface SmallGitlab {
  /** Logged in as `gitlab`, the owner of the tables. */
  readonly pool: Pool;
  readonly objects: GitlabObjects;
  /** Loads in bulk where that is faster than S3; `objects` by default. */
  readonly loader?: ObjectLoader;
  /** GitLab's shared state: leases, uploads in progress, and the first of its two stores of chunks. */
  readonly redis: Redis;
  /** The second, of today's chunks; the same server unless given. */
  readonly chunkRedis?: Redis;
  readonly ledger: Ledger;
}

export interface NewArtifact extends NewArtifactRow {
  readonly counted: boolean;
  readonly hasGeoState?: boolean;
  readonly hasReport?: boolean;
}

const noise = Buffer.from(
  Array.from({ length: 262_144 }, (_, index) => 32 + ((index * 2_654_435_761) >>> 24) / 3),
);

/** Bytes that differ from artifact to artifact and need no memory of their own. */
export function bodyOf(id: number, sizeBytes: number): Buffer {
  const start = (id * 131) % (noise.length - sizeBytes);
  return noise.subarray(start, start + sizeBytes);
}

/**
 * In the caller's transaction: rows first (their ids are part of the keys), then the objects, before the commit, like
 * GitLab's uploader. So no committed row ever points at a missing object.
 * @returns the ledger's entries for the time after the commit.
 */
export async function storeArtifacts(
  gitlab: Pick<SmallGitlab, 'objects' | 'loader'>,
  client: Queryable,
  artifacts: readonly NewArtifact[],
): Promise<ArtifactEntry[]> {
  const entries = await storeRows(client, artifacts);
  await storeObjects(gitlab, entries);
  return entries;
}

/** The first half of `storeArtifacts`. */
export async function storeRows(
  client: Queryable,
  artifacts: readonly NewArtifact[],
): Promise<ArtifactEntry[]> {
  if (artifacts.length === 0) return [];
  const ids = await insertArtifactRows(client, artifacts);
  const entries = artifacts.map((artifact, index) => entryOf(artifact, ids[index] as number));
  const children = artifacts.map((artifact, index) => ({ ...artifact, id: ids[index] as number }));
  await insertArtifactChildren(
    client,
    children.filter((child) => child.hasGeoState),
    'ci_job_artifact_states',
  );
  await insertArtifactChildren(
    client,
    children.filter((child) => child.hasReport),
    'p_ci_job_artifact_reports',
  );
  return entries;
}

/** The objects of rows that are about to be committed. */
export async function storeObjects(
  gitlab: Pick<SmallGitlab, 'objects' | 'loader'>,
  entries: readonly ArtifactEntry[],
): Promise<void> {
  await (gitlab.loader ?? gitlab.objects).load(entries.flatMap(objectOf));
}

function entryOf(artifact: NewArtifact, id: number): ArtifactEntry {
  const { partitionId, jobId, fileType, expireAtMs, locked, sizeBytes, counted } = artifact;
  const createdOnDays = Math.floor(artifact.createdAtMs / 86_400_000);
  const remote = artifact.fileStore === fileStore.remote;
  const key = remote ? artifactObjectKey({ ...artifact, id, createdOnDays }) : null;
  const state = { expireAtMs, locked, fileType, fileStore: artifact.fileStore };
  return { kind: 'artifact', id, partitionId, jobId, ...state, key, sizeBytes, counted };
}

function objectOf({ id, key, sizeBytes }: ArtifactEntry): NewObject[] {
  return key === null ? [] : [{ key, body: bodyOf(id, sizeBytes) }];
}

/** Runs the work in a transaction; the entries go to the ledger only after its commit. */
export async function inTransaction<T>(
  pool: Pool,
  work: (client: PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    client.release();
    return result;
  } catch (error) {
    // The connection may be broken: it is closed with its transaction.
    client.release(true);
    throw error;
  }
}

/** The database's clock, which decides what has expired. */
export async function databaseNowMs(client: Queryable): Promise<number> {
  const { rows } = await client.query<{ ms: number }>(
    'SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::float8 AS ms',
  );
  return (rows[0] as { ms: number }).ms;
}
