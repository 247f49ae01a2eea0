/** A seeded GitLab that lives, and is cleaned as the pipeline would, is verified; any break is told. */
import { CreateBucketCommand, DeleteBucketCommand, type S3Client } from '@aws-sdk/client-s3';
import { Redis } from 'ioredis';
import { Pool } from 'pg';
import { FolderObjectLoader } from '../../ops/gitlab/folder-loader';
import { MemoryLedger } from '../../ops/gitlab/ledger';
import { liveOnce } from '../../ops/gitlab/life';
import { S3GitlabObjects } from '../../ops/gitlab/objects';
import { applySourceSchema, dropSourceDatabase } from '../../ops/gitlab/schema';
import { seed, type Seeded } from '../../ops/gitlab/seed';
import type { SmallGitlab } from '../../ops/gitlab/small-gitlab';
import { countOpenWork, verify, type Verification } from '../../ops/gitlab/verify';
import { World } from '../../ops/gitlab/world';
import { bucketFolder, connectS3 } from '../support/bucket';
import { claimRedisDatabase, releaseRedisDatabase } from '../support/redis-database';
import { currentStack, readFile, sourcePasswords, superuserConfig } from '../support/stack';
import { until } from '../support/until';

const stack = currentStack();
const admin = superuserConfig(stack);
const name = `small-gitlab-${process.pid}`;
const ledger = new MemoryLedger();
let s3: S3Client;
let redisDatabase: number;
let gitlab: SmallGitlab;
let seeded: Seeded;

beforeAll(async () => {
  const passwords = sourcePasswords(stack);
  await applySourceSchema(admin, { database: name, passwords });
  s3 = connectS3();
  await s3.send(new CreateBucketCommand({ Bucket: name }));
  const { host, port, passwordFile } = stack.addresses.redis;
  const redis = new Redis({ host, port, password: readFile(passwordFile) });
  redisDatabase = await claimRedisDatabase(redis, name);
  const owner = { ...admin, user: 'gitlab', password: passwords.gitlab, database: name };
  gitlab = {
    pool: new Pool(owner),
    objects: new S3GitlabObjects(s3, name),
    loader: new FolderObjectLoader(bucketFolder(name)),
    redis,
    ledger,
  };
  seeded = await seed(gitlab, { builds: 40, artifacts: 1_000, randomSeed: 1 });
}, 60_000);

afterAll(async () => {
  const keys: string[] = [];
  for await (const page of gitlab.objects.list()) keys.push(...page.map(({ key }) => key));
  await gitlab.objects.remove(keys);
  await s3.send(new DeleteBucketCommand({ Bucket: name }));
  s3.destroy();
  await releaseRedisDatabase(gitlab.redis, redisDatabase);
  gitlab.redis.disconnect();
  await gitlab.pool.end();
  await dropSourceDatabase(admin, name);
});

/** What the pipeline does, in two lines: rows, then objects. */
async function clean(): Promise<void> {
  const { rows } = await gitlab.pool.query<{ id: string }>(
    `DELETE FROM p_ci_job_artifacts WHERE locked = 0 AND file_type <> 3 AND file_store = 2
       AND expire_at < now() RETURNING id`,
  );
  const { artifacts } = await ledger.read();
  await gitlab.objects.remove(rows.flatMap(({ id }) => artifacts.get(Number(id))?.key ?? []));
}

const summary = ({ breaks }: Verification): string[] =>
  breaks.map(({ invariant, what, count }) => `${invariant} ${what}: ${count}`);

test('the totals are four fifths and one fifth once all is done, and nothing is broken', async () => {
  expect(seeded).toMatchObject({ willGo: 800, willStay: 200 });
  const before = await verify({ ...gitlab, ledger });
  expect(before).toMatchObject({ deleted: 0, kept: 1_000 });
  expect(before.overdue).toBeGreaterThan(600);
  expect(before.breaks.map(({ what }) => what)).toEqual(['expired rows are still there']);

  const life = await liveOnce(gitlab, seeded);
  expect(life).toMatchObject({ unlocked: 40, movedToPast: 16, locked: 10, extended: 10 });
  await until('nothing is left to expire', async () => {
    await clean();
    const open = await countOpenWork(gitlab.pool, 60_000);
    return open.due + open.soon === 0;
  });
  const after = await verify({ ...gitlab, ledger });
  expect(after).toMatchObject({ deleted: 800, kept: 200, overdue: 0, breaks: [] });
  expect(after.deletedByGitlab).toBe(life.deletedByGitlab);
}, 60_000);

test('each kind of break is found', async () => {
  const world = new World(gitlab, 3);
  const later = { expireInMs: 3_600_000 };
  const rowless = await world.anArtifact(later);
  const objectless = await world.anArtifact({ ...later, keyKind: 'final' });
  const altered = await world.anArtifact(later);
  const trace = await world.aTrace();
  const build = await world.aLiveTrace();
  expect(summary(await verify({ ...gitlab, ledger }))).toEqual([]);

  await gitlab.pool.query('DELETE FROM p_ci_job_artifacts WHERE id = $1', [rowless.id]);
  await gitlab.objects.remove([objectless.key!, 'README.txt']);
  await gitlab.objects.load([
    { key: trace.key!, body: Buffer.alloc(trace.sizeBytes, 1) },
    { key: `2026_01/1/${build.id}/nobodys.zip`, body: Buffer.from('x') },
  ]);
  await gitlab.pool.query('UPDATE p_ci_job_artifacts SET locked = 1 WHERE id = $1', [altered.id]);
  await gitlab.redis.del(`gitlab:ci:trace:${build.id}:chunks:0`);

  expect(summary(await verify({ ...gitlab, ledger })).sort()).toEqual([
    'I3 rows point at missing objects: 1',
    'I4 objects outlived their rows: 1',
    'I4 objects that nobody claims: 1',
    'I5 live trace chunks are gone: 1',
    'I5 objects changed their bytes: 1',
    'I5 objects of others are gone: 1',
    'I5 rows are gone that had to stay: 1',
    'I5 rows differ from what GitLab last wrote: 1',
  ]);
}, 60_000);
