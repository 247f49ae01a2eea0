/** The behaviour of an S3 server that the pipeline relies on: order of the listing, tags, distinct errors. */
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  PutBucketTaggingCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { S3Objects, type S3Settings } from '../../lib/stores/s3/objects';
import { currentStack, readFile } from '../support/stack/stack';

const bucket = `objects-${process.pid}`;
const { s3 } = currentStack().addresses;
const credentials = {
  accessKeyId: readFile(s3.accessKeyIdFile),
  secretAccessKey: readFile(s3.secretAccessKeyFile),
};
const settings: S3Settings = {
  endpoint: s3.endpoint,
  region: s3.region,
  bucket,
  prefix: 'all/artifacts/',
  credentials,
  forcePathStyle: true,
  connectionsMax: 4,
  connectTimeoutMs: 2_000,
  requestTimeoutMs: 10_000,
};
const gitlab = new S3Client({ ...settings, endpoint: s3.endpoint, credentials });
const objects = new S3Objects(settings);
const opened: S3Objects[] = [objects];

function objectsWith(change: Partial<S3Settings>): S3Objects {
  const other = new S3Objects({ ...settings, ...change });
  opened.push(other);
  return other;
}

async function put(...keys: string[]): Promise<void> {
  for (const key of keys) {
    await gitlab.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: 'x' }));
  }
}

async function listed(from: S3Objects, pageKeys?: number): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of from.listObjects(pageKeys)) keys.push(key);
  return keys;
}

beforeAll(async () => {
  await gitlab.send(new CreateBucketCommand({ Bucket: bucket }));
});

afterAll(async () => {
  await objectsWith({ prefix: '' }).deleteObjects(await listed(objectsWith({ prefix: '' })));
  await gitlab.send(new DeleteBucketCommand({ Bucket: bucket }));
  for (const one of opened) one.close();
  gitlab.destroy();
});

test('the bucket tells its tags, and none before it has any', async () => {
  expect(await objects.bucketTags()).toEqual(new Map());
  const Tagging = { TagSet: [{ Key: 'afterbuild', Value: 'here' }] };
  await gitlab.send(new PutBucketTaggingCommand({ Bucket: bucket, Tagging }));
  expect(await objects.bucketTags()).toEqual(new Map([['afterbuild', 'here']]));
});

test('keys are listed in the order of their bytes, over many pages, under the prefix only', async () => {
  const keys = ['b/x', 'b-1', 'b.x', 'a', 'B', 'b/y/z', 'ü/1'];
  await put('elsewhere/a', ...keys.map((key) => `all/artifacts/${key}`));
  const sorted = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  expect(await listed(objects)).toEqual(sorted);
  expect(await listed(objects, 2)).toEqual(sorted);
});

test('objects are deleted under the prefix only, and absent ones count as deleted', async () => {
  await put('all/artifacts/gone', 'gone');
  expect(await objects.deleteObjects(['gone', 'never/there'])).toEqual([]);
  expect(await objects.headObject('gone')).toBeNull();
  expect(await objectsWith({ prefix: '' }).headObject('gone')).toEqual({ sizeBytes: 1 });
});

test('a thousand keys go in one request, more are refused here', async () => {
  const keys = Array.from({ length: 1_001 }, (_, index) => `many/${index}`);
  expect(await objects.deleteObjects(keys.slice(1))).toEqual([]);
  await expect(objects.deleteObjects(keys)).rejects.toThrow(RangeError);
});

test.each<[string, Partial<S3Settings>, object]>([
  [
    'a wrong key',
    { credentials: { ...credentials, secretAccessKey: 'wrong-wrong' } },
    { failure: 'refused', code: 'SignatureDoesNotMatch' },
  ],
  ['no such bucket', { bucket: 'no-such-bucket' }, { failure: 'refused', code: 'NoSuchBucket' }],
  [
    'no server',
    { endpoint: 'http://127.0.0.1:1' },
    { failure: 'unavailable', message: expect.stringContaining('ECONNREFUSED') as string },
  ],
])('%s is distinguished', async (_case, change, expected) => {
  await expect(objectsWith(change).deleteObjects(['a'])).rejects.toMatchObject(expected);
});

test('a request that takes too long ends', async () => {
  const hasty = objectsWith({ requestTimeoutMs: 1 });
  await expect(listed(hasty)).rejects.toMatchObject({ failure: 'unavailable', code: 'Timeout' });
});
