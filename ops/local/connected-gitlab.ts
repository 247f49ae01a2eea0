/** The small GitLab's connections to a local stack: its own login, its bucket, its Redis, its ledger. */
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CreateBucketCommand, PutBucketTaggingCommand, S3Client } from '@aws-sdk/client-s3';
import { Redis } from 'ioredis';
import { Pool } from 'pg';
import { FolderObjectLoader } from '../gitlab/folder-loader';
import { FileLedger } from '../gitlab/ledger';
import { S3GitlabObjects, type Repeating } from '../gitlab/objects';
import type { SmallGitlab } from '../gitlab/small-gitlab';
import { readSecretFile } from './stack/data-folder';
import type { RunningStack } from './stack/running-stack';
import type { StackScope } from './stack/stack-environment';

export interface ConnectedGitlab extends SmallGitlab {
  readonly ledger: FileLedger;
  close(): Promise<void>;
}

export const ledgerFile = (dataDir: string): string => join(dataDir, 'gitlab', 'ledger.jsonl');

const read = (path: string): string => readFileSync(path, 'utf8').trim();

/** Where the S3 server is, and its keys. */
export interface S3Place {
  readonly addresses: Pick<RunningStack['addresses'], 's3'>;
}

export function connectS3({ addresses: { s3 } }: S3Place): S3Client {
  return new S3Client({
    endpoint: s3.endpoint,
    region: s3.region,
    forcePathStyle: true,
    credentials: {
      accessKeyId: read(s3.accessKeyIdFile),
      secretAccessKey: read(s3.secretAccessKeyFile),
    },
  });
}

/** Makes the bucket with the tag that the pipeline checks; safe to repeat. */
export async function makeBucket(
  stack: S3Place,
  scope: Pick<StackScope, 'bucket' | 'bucketTag'>,
): Promise<void> {
  const s3 = connectS3(stack);
  const limit = () => ({ abortSignal: AbortSignal.timeout(30_000) });
  const [Key = '', Value = ''] = scope.bucketTag.split('=');
  try {
    await s3.send(new CreateBucketCommand({ Bucket: scope.bucket }), limit()).catch(ignoreOwned);
    const tagging = { Bucket: scope.bucket, Tagging: { TagSet: [{ Key, Value }] } };
    await s3.send(new PutBucketTaggingCommand(tagging), limit());
  } finally {
    s3.destroy();
  }
}

function ignoreOwned(error: unknown): void {
  const isOurs = error instanceof Error && error.name === 'BucketAlreadyOwnedByYou';
  if (!isOurs) throw error;
}

/**
 * Database and bucket must exist. Objects are loaded in bulk through the S3 server's folder.
 * @param repeating for requests to S3.
 */
export function connectGitlab(
  stack: RunningStack,
  scope: StackScope,
  repeating?: Repeating,
): ConnectedGitlab {
  const { postgres, redis: address } = stack.addresses;
  const s3 = connectS3(stack);
  const pool = new Pool({
    host: postgres.host,
    port: postgres.port,
    user: 'gitlab',
    password: readSecretFile(stack.dataDir, 'postgres-gitlab'),
    database: scope.database,
    max: 6,
    connectionTimeoutMillis: 10_000,
  });
  // A stopped server cuts idle connections; the next user of a connection gets the error.
  pool.on('error', () => undefined);
  const redis = new Redis({
    host: address.host,
    port: address.port,
    password: read(address.passwordFile),
    commandTimeout: 30_000,
  });
  redis.on('error', () => undefined);
  const ledgerPath = ledgerFile(stack.dataDir);
  mkdirSync(dirname(ledgerPath), { recursive: true });
  return {
    pool,
    redis,
    objects: new S3GitlabObjects(s3, scope.bucket, '', repeating),
    loader: new FolderObjectLoader(join(stack.dataDir, 'objects', scope.bucket)),
    ledger: new FileLedger(ledgerPath),
    async close() {
      redis.disconnect();
      s3.destroy();
      await pool.end();
    },
  };
}
