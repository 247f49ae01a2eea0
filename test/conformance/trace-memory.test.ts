/**
 * Traces of 100 MB are streamed: however many are archived at once, little of them is in memory (issue: under 32 MB).
 */
import { CreateBucketCommand, DeleteBucketCommand, DeleteObjectCommand } from '@aws-sdk/client-s3';
import { loadConfig, traceArchiverSchema } from '../../lib/process/config';
import { s3Settings } from '../../lib/stores/s3/objects';
import { S3Traces } from '../../lib/stores/s3/traces';
import { traceSha256 } from '../../ops/gitlab/traces/trace-bytes';
import { defaultScope, stackEnvironment } from '../../ops/local/stack/stack-environment';
import type { Measured } from '../support/programs/archive-and-measure';
import { connectS3 } from '../support/stack/bucket';
import { answerOf, startChild } from '../support/programs/child-program';
import { currentStack } from '../support/stack/stack';
import { ourKey } from '../support/memory/trace-archive';

const bucket = `trace-memory-${process.pid}`;
const gitlab = connectS3();
const environment = stackEnvironment(currentStack(), 'archiver', { ...defaultScope, bucket });
const objects = new S3Traces(s3Settings(loadConfig(traceArchiverSchema, environment)));

const heldMaxBytes = 32_000_000;
const long = 100_000_000;
const short = 5_000_000;
/** Long ones, and the other traces of a busy day; of build 1, 2 and so on. */
const sizes = [long, long / 2, ...Array.from({ length: 12 }, () => short)];

beforeAll(() => gitlab.send(new CreateBucketCommand({ Bucket: bucket })));
afterAll(async () => {
  for (const at of sizes.keys()) {
    await gitlab.send(new DeleteObjectCommand({ Bucket: bucket, Key: ourKey(at + 1) }));
  }
  await gitlab.send(new DeleteBucketCommand({ Bucket: bucket }));
  gitlab.destroy();
  objects.close();
});

test('a trace of 100 MB passes beside others, and under 32 MB of them all is held', async () => {
  const { outcomes, artifacts, heldMostBytes } = await answerOf<Measured>(
    startChild('archive-and-measure', {
      args: sizes.map(String),
      env: environment,
      nodeFlags: ['--expose-gc'],
    }),
  );
  expect(outcomes).toEqual(sizes.map(() => 'done'));
  for (const [at, sizeBytes] of sizes.entries()) {
    expect(artifacts[at]).toEqual({ sizeBytes, sha256: traceSha256(at + 1, sizeBytes) });
    expect(await objects.head(ourKey(at + 1))).toMatchObject({ sizeBytes });
  }
  expect(heldMostBytes).toBeLessThan(heldMaxBytes);
  // Several are streamed at once, not one after the other.
  expect(heldMostBytes).toBeGreaterThan(long / 10);
}, 300_000);
