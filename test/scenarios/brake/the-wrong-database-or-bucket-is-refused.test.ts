import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, PutBucketTaggingCommand } from '@aws-sdk/client-s3';
import { exitCodes } from '../../../lib/process/exit-codes';
import type { ArtifactEntry } from '../../../ops/gitlab/ledger';
import { DatabaseCopy } from '../../support/stack/backup';
import { expectSentence, refusalOf } from '../../support/scenario/refusal';
import { useScenario } from '../../support/scenario/use-scenario';
import { templateDatabase } from '../../support/stack/stack';

const ground = useScenario(__filename, { changes: 'none' });

let due: readonly ArtifactEntry[];
let wrongSecret: string;
let folder: string;

/** Records that any deleter would handle at once after its start. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'afterbuild-wrong-'));
  wrongSecret = join(folder, 'secret');
  writeFileSync(wrongSecret, 'wrong');
  due = await ground().world.manyArtifacts({ count: 30 });
  const sweep = ground().run('expired-artifacts');
  await sweep.logged('page.produced', ({ artifacts }) => artifacts === due.length);
  await sweep.stop();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => ground().expectKept(due));

const sweep = ['run', 'expired-artifacts'];
const deleter = ['run', 'artifact-deleter'];
const archiver = ['run', 'trace-archiver'];
const check = ['reconcile', '--check'];

async function expectRefused(
  args: readonly string[],
  change: Readonly<Record<string, string>>,
  sentence: RegExp,
): Promise<void> {
  const role = args === deleter ? 'deleter' : args === archiver ? 'archiver' : 'reader';
  const refusal = await refusalOf(args, { ...ground().environment(role), ...change });
  expectSentence(refusal, exitCodes.configuration, sentence);
}

test('another cluster, an unknown database and a wrong password are refused at the start', async () => {
  const identity = { POSTGRES_SYSTEM_IDENTIFIER: '1' };
  const another = /^Wrong database: POSTGRES_SYSTEM_IDENTIFIER is 1, but the server says [0-9]+/;
  const password = { POSTGRES_PASSWORD_FILE: wrongSecret };
  for (const args of [sweep, deleter]) {
    await expectRefused(args, identity, another);
    await expectRefused(
      args,
      { POSTGRES_DATABASE: 'nowhere' },
      /database "nowhere" does not exist/,
    );
    await expectRefused(args, password, /password authentication failed for user "afterbuild_/);
  }
});

test('a Redis user who may not do one command of the archiver’s is refused at once, by its name', async () => {
  const { redis } = ground().gitlab;
  const user = `few-${ground().scope.database}`;
  try {
    for (const [right, named] of [
      ['unlink', 'UNLINK on keys gitlab:ci:trace:\\*'],
      ['script', 'SCRIPT LOAD'],
    ] as const) {
      const rules = ['reset', 'on', '>wrong', '~*', '+@all', `-${right}`];
      await redis.call('ACL', 'SETUSER', user, ...rules);
      const login = { REDIS_USERNAME: user, REDIS_PASSWORD_FILE: wrongSecret };
      const sentence = `^Redis at [^ ]+ does not let this user do ${named}, which archiving needs: grant it`;
      await expectRefused(archiver, login, new RegExp(sentence));
    }
  } finally {
    await redis.call('ACL', 'DELUSER', user);
  }
});

test('a standby is refused, whether it follows or lags', async () => {
  const copy = new DatabaseCopy(ground().stack);
  try {
    await copy.takeHot();
    for (const lag of ['lags', 'follows'] as const) {
      await copy.asStandby(lag, async (port) => {
        const standby = { POSTGRES_PORT: String(port) };
        const inRecovery = /^The PostgreSQL server is in recovery .* Connect to the primary\.$/;
        await Promise.all([sweep, deleter].map((args) => expectRefused(args, standby, inRecovery)));
      });
    }
  } finally {
    copy.remove();
  }
});

test('a bucket that is not there, not tagged or tagged otherwise is refused, and so are wrong keys', async () => {
  const { s3, scope } = ground();
  const [plain, other] = [`${scope.bucket}-plain`, `${scope.bucket}-other`];
  for (const Bucket of [plain, other]) await s3.send(new CreateBucketCommand({ Bucket }));
  const TagSet = [{ Key: 'afterbuild', Value: 'somewhere-else' }];
  await s3.send(new PutBucketTaggingCommand({ Bucket: other, Tagging: { TagSet } }));
  for (const args of [deleter, check]) {
    await expectRefused(args, { S3_BUCKET: 'not-there' }, /bucket not-there: NoSuchBucket/);
    await expectRefused(args, { S3_BUCKET: plain }, /Wrong bucket: .*has no tag afterbuild;/);
    await expectRefused(
      args,
      { S3_BUCKET: other },
      /Wrong bucket: .*says afterbuild=somewhere-else/,
    );
  }
  const keys = { S3_SECRET_ACCESS_KEY_FILE: wrongSecret };
  await expectRefused(deleter, keys, /SignatureDoesNotMatch/);
});

test('another database of the same cluster holds every record', async () => {
  const wrong = ground().run('artifact-deleter', { POSTGRES_DATABASE: templateDatabase });
  const reason = `read from database ${ground().scope.database} of system [0-9]+, but this is ${templateDatabase} of`;
  await wrong.logged('lane.retrying', (line) =>
    new RegExp(reason).test((line['err'] as Error).message),
  );
  await wrong.stop();
});

test('with the right ones the same records are deleted', async () => {
  ground().run('artifact-deleter');
  const going = due;
  due = [];
  await ground().gone(going);
});
