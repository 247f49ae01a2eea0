/** How the adapters treat answers that say nothing, or less than they seem to: docs/failure-modes.md, "Answers". */
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { createHash } from 'node:crypto';
import { S3Objects } from '../../lib/stores/s3/objects';
import { S3Traces } from '../../lib/stores/s3/traces';
import {
  deletedXml,
  type RawAnswer,
  scriptedSettings,
  type ScriptedAnswer,
  startScriptedS3,
} from '../support/memory/scripted-s3';
import { currentStack, readFile } from '../support/stack/stack';

const xml = '<?xml version="1.0" encoding="UTF-8"?>';
const error = (code: string) => `${xml}<Error><Code>${code}</Code><Message>x</Message></Error>`;
const page: RawAnswer = { status: 200, body: '<html><body>login</body></html>' };
const empty: RawAnswer = { status: 200 };
const nothing = { failure: 'unavailable', code: 'UnexpectedAnswer' };
const body = Buffer.from('a trace');
const sha256 = createHash('sha256').update(body).digest();
const stored = { ETag: '"e"', 'x-amz-checksum-sha256': sha256.toString('base64') };

type Question = (stores: { objects: S3Objects; traces: S3Traces }) => Promise<unknown>;

async function ask<T>(
  answers: readonly ScriptedAnswer[],
  question: (stores: { objects: S3Objects; traces: S3Traces }) => Promise<T>,
) {
  const s3 = await startScriptedS3(answers);
  const settings = scriptedSettings(s3.endpoint);
  const stores = { objects: new S3Objects(settings), traces: new S3Traces(settings) };
  try {
    const answer = await question(stores).catch((thrown: unknown) => thrown);
    return { answer, asked: s3.asked };
  } finally {
    stores.objects.close();
    stores.traces.close();
    await s3.stop();
  }
}

const deletedOther = { status: 200, body: deletedXml(['all/a', 'all/z']) };
const twice = { status: 200, body: deletedXml(['all/a', 'all/a', 'all/b']) };

test.each<[string, RawAnswer, object]>([
  ['an empty body', empty, nothing],
  ['no content', { status: 204 }, nothing],
  ['a page', page, nothing],
  ['a page that is no XML', { status: 200, body: '<html><br></html>' }, nothing],
  [
    'an error without a key',
    { status: 200, body: `${xml}<DeleteResult><Error><Code>x</Code></Error></DeleteResult>` },
    nothing,
  ],
  [
    'an answer that is cut off',
    { status: 200, body: deletedXml(['all/a', 'all/b']).slice(0, -9) },
    nothing,
  ],
  ['a key that was not asked for', deletedOther, nothing],
  ['a key twice', twice, nothing],
  [
    'an error in a success',
    { status: 200, body: error('InternalError') },
    { code: 'InternalError' },
  ],
  ['not modified', { status: 304 }, { failure: 'unfit' }],
  ['not implemented', { status: 501, body: error('NotImplemented') }, { failure: 'unfit' }],
  ['another region', { status: 301, body: error('PermanentRedirect') }, { failure: 'unfit' }],
])('a deletion answered with %s is not done', async (_, odd, expected) => {
  const { answer, asked } = await ask([odd], ({ objects }) => objects.deleteObjects(['a', 'b']));
  expect(answer).toMatchObject({ name: 'S3Error', ...expected });
  expect(asked).toEqual([['all/a', 'all/b']]);
});

test('a key that the answer leaves out is requested again, alone in the end', async () => {
  const without = { status: 200, body: deletedXml(['all/a']) };
  const ours = {};
  const { answer, asked } = await ask([without, ours, {}, empty], ({ objects }) =>
    objects.deleteObjects(['a', 'b']),
  );
  expect(answer).toMatchObject(nothing);
  expect(asked.slice(2)).toEqual([['all/a'], ['all/b']]);
});

test('while deletions are refused as a whole S3 is asked with keys of our own before rows go', async () => {
  const refused = { status: 403, body: '<html>no</html>' };
  const { answer, asked } = await ask([refused, refused, refused, {}], async ({ objects }) => {
    const seen: unknown[] = [await objects.deleteObjects(['a']).catch((e: unknown) => e)];
    seen.push(await objects.assertDeletes().catch((e: unknown) => e));
    await objects.assertDeletes();
    await objects.assertDeletes();
    return seen;
  });
  const unfit: unknown = expect.objectContaining({
    failure: 'unfit',
    message: expect.stringContaining('DeleteObjects on bucket bucket: HTTP 403') as string,
  });
  expect(answer).toEqual([unfit, unfit]);
  const own = ['all/afterbuild-self-test/deletion/1', 'all/afterbuild-self-test/deletion/2'];
  expect(asked).toEqual([['all/a'], own, own, own]);
});

test('a right that was taken away is found before rows go: every key of an answer is refused', async () => {
  const denied = { 'all/a': 'AccessDenied' };
  const { asked } = await ask([denied], async ({ objects }) => {
    await objects.deleteObjects(['a']);
    await objects.assertDeletes();
  });
  expect(asked.length).toBe(2);
});

test('a HEAD without ETag counts when S3 has numbered its answer, as of a file that was put there past it', async () => {
  const headers = { 'content-length': '7', 'x-amz-request-id': '1' };
  const { answer } = await ask([{ status: 200, headers }], ({ objects }) =>
    objects.headObject('a'),
  );
  expect(answer).toEqual({ sizeBytes: 7 });
});

test.each<[string, RawAnswer, Question]>([
  ['a HEAD without length or ETag', page, ({ objects }) => objects.headObject('a')],
  ['a HEAD of a trace without ETag', page, ({ traces }) => traces.head('a')],
  ['tags without a set of them', page, ({ objects }) => objects.bucketTags()],
  ['no tags at all', empty, ({ objects }) => objects.bucketTags()],
  ['a listing that is a page', page, ({ objects }) => objects.listObjects().next()],
  [
    'a listing that goes on nowhere',
    { status: 200, body: '<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>' },
    ({ objects }) => objects.listObjects().next(),
  ],
  ['a PUT without ETag', empty, ({ traces }) => traces.put('a', body, sha256, { absent: true })],
  ['an upload without an id', page, ({ traces }) => traces.upload('a')],
  ['a GET that is a page', page, ({ traces }) => traces.read('a', 100)],
  [
    'a GET of another object',
    { status: 206, body: 'race', headers: { ETag: '"f"', 'content-range': 'bytes 3-6/7' } },
    ({ traces }) => traces.readRange('a', '"e"', 3, 4),
  ],
  [
    'a GET that knows no ranges',
    { status: 200, body: 'a trace', headers: { ETag: '"e"' } },
    ({ traces }) => traces.readRange('a', '"e"', 3, 4),
  ],
  [
    'a GET that is short',
    { status: 206, body: 'rac', headers: { ETag: '"e"', 'content-range': 'bytes 3-5/7' } },
    ({ traces }) => traces.readRange('a', '"e"', 3, 4),
  ],
])('%s says nothing', async (_, odd, question) => {
  const { answer } = await ask([odd], question);
  expect(answer).toMatchObject({ name: 'S3Error', ...nothing });
});

test.each<[string, RawAnswer, object | null]>([
  ['NoSuchKey', { status: 404, body: error('NoSuchKey') }, null],
  ['NoSuchBucket', { status: 404, body: error('NoSuchBucket') }, { code: 'NoSuchBucket' }],
  ['nothing (a server on the way)', { status: 404 }, { failure: 'refused' }],
])('a GET that is not found with %s', async (_, odd, expected) => {
  const { answer } = await ask([odd], ({ traces }) => traces.read('a', 100));
  if (expected === null) expect(answer).toBeNull();
  else expect(answer).toMatchObject(expected);
});

test.each<[string, RawAnswer, object]>([
  ['without the checksum', { status: 200, headers: { ETag: '"e"' } }, { failure: 'unfit' }],
  [
    'with another checksum',
    { status: 200, headers: { ...stored, 'x-amz-checksum-sha256': 'b3RoZXI=' } },
    { failure: 'unavailable', code: 'ChecksumMismatch' },
  ],
])('a PUT answered %s has not stored it', async (_, odd, expected) => {
  const { answer } = await ask([odd], ({ traces }) =>
    traces.put('a', body, sha256, { absent: true }),
  );
  expect(answer).toMatchObject(expected);
});

test.each<[string, RawAnswer, object]>([
  [
    'an error in a success',
    { status: 200, body: error('InternalError') },
    { code: 'InternalError' },
  ],
  ['a page', page, nothing],
  ['not modified', { status: 304 }, { failure: 'unfit', code: 'HTTP 304' }],
])('a multipart upload that is completed with %s is not stored', async (_, odd, expected) => {
  const begun = { status: 200, body: '<R><UploadId>u</UploadId></R>' };
  const part = { status: 200, headers: stored };
  const { answer } = await ask([begun, part, odd], async ({ traces }) => {
    const upload = await traces.upload('a');
    await upload.part(body);
    return upload.complete({ absent: true });
  });
  expect(answer).toMatchObject(expected);
});

test('a removal that is answered with anything but 204 is not done', async () => {
  const seen = { status: 200, headers: { ETag: '"e"', 'content-length': '7' } };
  const { answer } = await ask([seen, page], ({ traces }) => traces.removeIf('a', '"e"'));
  expect(answer).toMatchObject(nothing);
});

test('keys that XML cannot say are deleted by a request of their own', async () => {
  const { s3 } = currentStack().addresses;
  const settings = {
    ...scriptedSettings(s3.endpoint),
    region: s3.region,
    bucket: `odd-${process.pid}`,
    credentials: {
      accessKeyId: readFile(s3.accessKeyIdFile),
      secretAccessKey: readFile(s3.secretAccessKeyFile),
    },
  };
  const gitlab = new S3Client(settings);
  const objects = new S3Objects(settings);
  const keys = [
    'plain',
    'report\ufffe.xml',
    'line\u2028end',
    'last\uffff',
    'next\u0085line',
    'end ',
  ];
  await gitlab.send(new CreateBucketCommand({ Bucket: settings.bucket }));
  for (const key of keys) {
    await gitlab.send(
      new PutObjectCommand({ Bucket: settings.bucket, Key: `all/${key}`, Body: 'x' }),
    );
  }
  const before = await Promise.all(keys.map((key) => objects.headObject(key)));
  expect(before).toEqual(keys.map(() => ({ sizeBytes: 1 })));
  expect(await objects.deleteObjects(keys)).toEqual([]);
  expect(await Promise.all(keys.map((key) => objects.headObject(key)))).toEqual(
    keys.map(() => null),
  );
  gitlab.destroy();
  objects.close();
});
