/** A small GitLab on the shared stack with a database, a bucket and a Redis database of its own. */
import { CreateBucketCommand, DeleteBucketCommand, type S3Client } from '@aws-sdk/client-s3';
import { MemoryLedger } from '../../../ops/gitlab/ledger';
import { S3GitlabObjects } from '../../../ops/gitlab/objects';
import { applySourceSchema, dropSourceDatabase } from '../../../ops/gitlab/schema';
import type { SmallGitlab } from '../../../ops/gitlab/small-gitlab';
import { connectS3 } from '../stack/bucket';
import { connectPool, connectRedis } from '../stack/connections';
import { claimRedisDatabase, releaseRedisDatabase } from '../stack/redis-database';
import { currentStack, sourcePasswords, superuserConfig } from '../stack/stack';

export interface OwnGitlab extends SmallGitlab {
  readonly ledger: MemoryLedger;
  readonly s3: S3Client;
  /** Removes everything that it made. */
  drop(): Promise<void>;
}

/** @param name of its database and its bucket; unique in the stack. */
export async function createOwnGitlab(name: string): Promise<OwnGitlab> {
  const stack = currentStack();
  const admin = superuserConfig(stack);
  const passwords = sourcePasswords(stack);
  await applySourceSchema(admin, { database: name, passwords });
  const s3 = connectS3();
  await s3.send(new CreateBucketCommand({ Bucket: name }));
  const redis = connectRedis(stack);
  const redisDatabase = await claimRedisDatabase(redis, name);
  const pool = connectPool(stack, name);
  const objects = new S3GitlabObjects(s3, name);
  const drop = async (): Promise<void> => {
    for await (const page of objects.list()) await objects.remove(page.map(({ key }) => key));
    await s3.send(new DeleteBucketCommand({ Bucket: name }));
    s3.destroy();
    await releaseRedisDatabase(redis, redisDatabase);
    redis.disconnect();
    await pool.end();
    await dropSourceDatabase(admin, name);
  };
  return { pool, objects, redis, ledger: new MemoryLedger(), s3, drop };
}
