import { createHash } from 'node:crypto';
import { signKnownChecksum } from './known-checksum';

const body = Buffer.from('a trace');
const sha256 = (encoding: 'base64' | 'hex') => createHash('sha256').update(body).digest(encoding);
const checksum = { 'x-amz-checksum-sha256': sha256('base64') };

test('the checksum of a body is what its signature covers', () => {
  const request = { headers: { ...checksum }, body };
  signKnownChecksum(request);
  expect(request.headers).toEqual({ ...checksum, 'x-amz-content-sha256': sha256('hex') });
});

test.each([
  ['no checksum', { headers: {}, body }],
  ['no body', { headers: checksum }],
  ['a body that passes', { headers: checksum, body: new ReadableStream() }],
  ['no request at all', undefined],
])('with %s the SDK hashes as it always does', (_what, request) => {
  const before = structuredClone(request?.headers);
  signKnownChecksum(request);
  expect(request?.headers).toEqual(before);
});
