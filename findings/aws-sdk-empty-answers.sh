#!/usr/bin/env bash
# The S3 client of the AWS SDK for JavaScript v3 (@aws-sdk/client-s3 3.1173.0) takes an answer with status 200 for success
# whatever its body is, where the operation's answer is an XML document: with no body at all, and with a page of HTML, which a
# proxy, a captive portal or a load balancer sends with the same status, DeleteObjects resolves without Deleted and without
# Errors, ListObjectsV2 resolves without Contents and without IsTruncated, and GetBucketTagging without a TagSet.
# Code that looks for Errors only ("nothing failed") believes that 1,000 objects were deleted; code that reads a listing
# believes that the bucket is empty. An empty list and the absence of a list have to be told apart by the caller.
# Seen: three operations, two answers each: all six resolve, none with a field that the answer is about.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-fund --no-audit --save-exact @aws-sdk/client-s3@3.1173.0
cat >look.mjs <<'JS'
import { createServer } from 'node:http';
import {
  DeleteObjectsCommand,
  GetBucketTaggingCommand,
  ListObjectsV2Command,
  S3Client,
} from '@aws-sdk/client-s3';
let body = '';
const server = createServer((request, response) => {
  request.resume().on('end', () => {
    response.writeHead(200, { 'content-type': body === '' ? 'application/xml' : 'text/html' });
    response.end(body);
  });
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const s3 = new S3Client({
  endpoint: `http://127.0.0.1:${server.address().port}`,
  region: 'us-east-1',
  forcePathStyle: true,
  credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
  maxAttempts: 1,
});
const Bucket = 'bucket';
const Delete = { Objects: [{ Key: 'one' }, { Key: 'two' }] };
const operations = {
  DeleteObjects: [new DeleteObjectsCommand({ Bucket, Delete }), ['Deleted', 'Errors']],
  ListObjectsV2: [new ListObjectsV2Command({ Bucket }), ['Contents', 'IsTruncated', 'KeyCount']],
  GetBucketTagging: [new GetBucketTaggingCommand({ Bucket }), ['TagSet']],
};
const bodies = { nothing: '', 'a page': '<html><body><h1>Please log in</h1></body></html>' };
const rows = [];
for (const [answer, text] of Object.entries(bodies)) {
  body = text;
  for (const [operation, [command, fields]] of Object.entries(operations)) {
    const outcome = await s3.send(command).then(
      (result) => ({ resolves: true, fields: fields.filter((field) => result[field] !== undefined) }),
      (error) => ({ resolves: false, fields: [error.name] }),
    );
    rows.push({ operation, answer, resolves: outcome.resolves, fields: outcome.fields.join(' ') });
  }
}
server.close();
s3.destroy();
console.table(rows);
const asSeen = rows.every(({ resolves, fields }) => resolves && fields === '');
console.log(asSeen ? 'as described' : 'something has changed');
process.exit(asSeen ? 0 : 1);
JS
node look.mjs
