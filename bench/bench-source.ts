/** A source database full of due artifacts, made once and cloned for each run. */
import { cpSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Client, type ClientConfig } from 'pg';
import type { ArtifactsExpired } from '../schemas/generated';
import {
  applySourceSchema,
  cloneSourceDatabase,
  dropSourceDatabase,
  type SourcePasswords,
} from '../ops/gitlab/schema';
import { World } from '../ops/gitlab/world';
import { connectGitlab, makeBucket } from '../ops/local/connected-gitlab';
import { readSecretFile } from '../ops/local/stack/data-folder';
import type { RunningStack } from '../ops/local/stack/running-stack';

export type DueArtifact = ArtifactsExpired['artifacts'][number];

const source = { database: 'bench_source', bucket: 'bench-source', bucketTag: 'afterbuild=bench' };

export function superuserOf(stack: RunningStack): ClientConfig {
  const { host, port, superuser } = stack.addresses.postgres;
  return {
    host,
    port,
    user: superuser,
    password: readSecretFile(stack.dataDir, 'postgres-superuser'),
  };
}

export async function asSuperuser<T>(
  stack: RunningStack,
  database: string,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client({ ...superuserOf(stack), database });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

export function passwordsOf(stack: RunningStack): SourcePasswords {
  const secret = (name: Parameters<typeof readSecretFile>[1]) =>
    readSecretFile(stack.dataDir, name);
  return {
    gitlab: secret('postgres-gitlab'),
    afterbuild_cdc: secret('postgres-cdc'),
    afterbuild_reader: secret('postgres-reader'),
    afterbuild_deleter: secret('postgres-deleter'),
    afterbuild_archiver: secret('postgres-archiver'),
  };
}

/** Half in a partition of two partition_ids, half in one of its own; expiry not in the heap's order. */
export async function makeSource(stack: RunningStack, artifacts: number): Promise<void> {
  const { database } = source;
  await applySourceSchema(superuserOf(stack), { database, passwords: passwordsOf(stack) });
  await makeBucket(stack, source);
  const gitlab = connectGitlab(stack, source);
  const world = new World(gitlab);
  await world.manyArtifacts({ count: Math.ceil(artifacts / 2), partitionId: 100 });
  await world.manyArtifacts({ count: Math.floor(artifacts / 2), partitionId: 102 });
  await gitlab.close();
  await asSuperuser(stack, source.database, async (client) => {
    await client.query(
      `UPDATE p_ci_job_artifacts
       SET expire_at = date_trunc('milliseconds', now() - interval '1 hour' - random() * interval '30 days')`,
    );
    await client.query('VACUUM (FULL, ANALYZE) p_ci_job_artifacts');
  });
}

/** A database and a bucket with the same rows and objects. */
export async function cloneSource(
  stack: RunningStack,
  name: string,
  { withObjects }: { readonly withObjects: boolean },
): Promise<{ database: string; bucket: string; bucketTag: string }> {
  const scope = { database: name.replaceAll('-', '_'), bucket: name, bucketTag: source.bucketTag };
  await cloneSourceDatabase(superuserOf(stack), {
    template: source.database,
    database: scope.database,
  });
  await makeBucket(stack, scope);
  if (withObjects) {
    const objects = join(stack.dataDir, 'objects');
    cpSync(join(objects, source.bucket), join(objects, scope.bucket), { recursive: true });
  }
  // Page images after a checkpoint would be counted as ours.
  await asSuperuser(stack, 'postgres', (client) => client.query('CHECKPOINT'));
  return scope;
}

export async function dropClone(stack: RunningStack, database: string): Promise<void> {
  await dropSourceDatabase(superuserOf(stack), database);
}

/** The items that the pipeline's records would name, by partition_id and sorted by id. */
export async function dueArtifacts(
  stack: RunningStack,
  database: string,
): Promise<Map<number, DueArtifact[]>> {
  return asSuperuser(stack, database, async (client) => {
    const { rows } = await client.query<Record<string, string | number | null>>(
      `SELECT id, partition_id, project_id, job_id, file, file_location, file_final_path, size, file_type,
              (created_at AT TIME ZONE 'UTC')::date - date '1970-01-01' AS created_on_days
       FROM p_ci_job_artifacts WHERE locked = 0 AND expire_at < now() ORDER BY partition_id, id`,
    );
    const artifacts = rows.map((row) => ({
      partitionId: Number(row['partition_id']),
      id: Number(row['id']),
      projectId: Number(row['project_id']),
      jobId: Number(row['job_id']),
      createdOnDays: Number(row['created_on_days']),
      fileType: Number(row['file_type']),
      file: row['file'] as string | null,
      fileStore: 2,
      fileLocation: row['file_location'] as number | null,
      fileFinalPath: row['file_final_path'] as string | null,
      sizeBytes: Number(row['size']),
    }));
    return Map.groupBy(artifacts, ({ partitionId }) => partitionId);
  });
}

/** Bytes of a topic's log segments on disk. */
export function topicBytes(stack: RunningStack, topic: string): number {
  const folder = join(stack.dataDir, 'kafka');
  const logs = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (path) => path.includes(`${topic}-`) && path.endsWith('.log'),
  );
  return logs.reduce((sum, path) => sum + statSync(join(folder, path)).size, 0);
}
