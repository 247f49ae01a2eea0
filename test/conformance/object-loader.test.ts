/** Objects loaded over S3 and objects written into the server's folder are the same to a reader. */
import { join } from 'node:path';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  HeadObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { FolderObjectLoader } from '../../ops/gitlab/folder-loader';
import { S3GitlabObjects, type NewObject, type ObjectLoader } from '../../ops/gitlab/objects';
import { bucketFolder, connectS3 } from '../support/stack/bucket';

const bucket = `loader-${process.pid}`;
const prefix = 'some/prefix/';
let s3: S3Client;
let objects: S3GitlabObjects;

beforeAll(async () => {
  s3 = connectS3();
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  objects = new S3GitlabObjects(s3, bucket, prefix);
});

afterAll(async () => {
  await s3.send(new DeleteBucketCommand({ Bucket: bucket }));
  s3.destroy();
});

const loaders: [string, () => ObjectLoader][] = [
  ['S3', () => objects],
  ['the folder', () => new FolderObjectLoader(bucketFolder(bucket), prefix)],
];

const some: readonly NewObject[] = [
  { key: 'ab/cd/2026_01_01/1/2/artifacts.zip', body: Buffer.from('first') },
  { key: 'ab/cd/2026_01_01/1/3/empty.json', body: Buffer.alloc(0) },
  { key: '2026_01/1/2/legacy file.json', body: Buffer.alloc(4_096, 7) },
];

async function listed(): Promise<unknown[]> {
  const all = [];
  for await (const page of objects.list()) all.push(...page);
  return all.sort((a, b) => (a.key < b.key ? -1 : 1));
}

describe.each(loaders)('loaded through %s', (_name, create) => {
  test('objects are read, headed, listed and removed', async () => {
    await create().load(some);
    for (const { key, body } of some) {
      expect(await objects.read(key)).toEqual(body);
      const head = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: prefix + key }));
      expect(head.ContentLength).toBe(body.length);
    }
    const expected = some.map(({ key, body }) => ({ key, sizeBytes: body.length }));
    expect(await listed()).toEqual(expected.sort((a, b) => (a.key < b.key ? -1 : 1)));
    await objects.remove([...some.map(({ key }) => key), 'ab/never/there']);
    expect(await listed()).toEqual([]);
    expect(await objects.read(some[0]!.key)).toBeUndefined();
  });

  test('a second load replaces what is there', async () => {
    await create().load([{ key: 'k', body: Buffer.from('old and long') }]);
    await create().load([{ key: 'k', body: Buffer.from('new') }]);
    expect(await objects.read('k')).toEqual(Buffer.from('new'));
    await objects.remove(['k']);
  });
});

test('a key that would leave the bucket is refused', async () => {
  const loader = new FolderObjectLoader(join(bucketFolder(bucket), 'inner'));
  const outside = [{ key: '../outside', body: Buffer.from('x') }];
  await expect(loader.load(outside)).rejects.toThrow('leaves the bucket');
});
