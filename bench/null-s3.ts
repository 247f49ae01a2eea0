/**
 * An S3 server that stores nothing: it answers every request with success as fast as it can, and counts. With a limit
 * it grants so many keys of DeleteObjects a second, a second's worth after a rest, and answers SlowDown above; with a
 * latency every answer waits for so many milliseconds, as over a network, and costs no CPU meanwhile. It remembers only the objects of the bucket's self-test, which checks whether conditions are honoured. It runs as a
 * process of its own, so that it does not share the measured thread.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

const [bucketTag = '', keysPerSecond = 'Infinity', latencyMs = '0'] = process.argv.slice(2);
const limit = Number(keysPerSecond);
const counts = {
  ...{ requests: 0, keys: 0, slowDowns: 0 },
  ...{ GET: 0, HEAD: 0, PUT: 0, POST: 0, DELETE: 0 },
};
const tokens = { left: limit, filledAt: performance.now() };
const xml = '<?xml version="1.0" encoding="UTF-8"?>';
const checksumHeader = 'x-amz-checksum-sha256';
const etag = '"null"';
const tested = new Set<string>();

interface Answer {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function isGranted(keys: number): boolean {
  if (limit === Infinity) return true;
  const now = performance.now();
  tokens.left = Math.min(limit, tokens.left + ((now - tokens.filledAt) * limit) / 1_000);
  tokens.filledAt = now;
  if (tokens.left < keys) return false;
  tokens.left -= keys;
  return true;
}

function tagging(): Answer {
  const [key = '', value = ''] = bucketTag.split('=');
  const tag = `<Tag><Key>${key}</Key><Value>${value}</Value></Tag>`;
  return { status: 200, body: `${xml}<Tagging><TagSet>${tag}</TagSet></Tagging>` };
}

/** No object ever exists. */
function answer(request: IncomingMessage, url: URL, body: string): Answer {
  if (url.searchParams.has('tagging')) return tagging();
  if (url.pathname.includes('/afterbuild-self-test/')) return ofSelfTest(request, url);
  const method = request.method as 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  counts.requests += 1;
  counts[method] += 1;
  if (method === 'PUT') return stored(request);
  if (method === 'HEAD' || method === 'GET') return { status: 404 };
  return method === 'DELETE' ? { status: 204 } : deleted(body);
}

function deleted(body: string): Answer {
  let keys = 0;
  for (let at = body.indexOf('<Key>'); at >= 0; at = body.indexOf('<Key>', at + 5)) keys += 1;
  if (isGranted(keys)) {
    counts.keys += keys;
    return { status: 200, body: `${xml}<DeleteResult></DeleteResult>` };
  }
  counts.slowDowns += 1;
  const message = 'Please reduce your request rate.';
  const error = `<Error><Code>SlowDown</Code><Message>${message}</Message></Error>`;
  return { status: 503, body: `${xml}${error}` };
}

function stored({ headers }: IncomingMessage): Answer {
  const checksum = headers[checksumHeader];
  const checksums = typeof checksum === 'string' ? { [checksumHeader]: checksum } : {};
  return { status: 200, headers: { etag, ...checksums } };
}

function ofSelfTest(request: IncomingMessage, { pathname, searchParams }: URL): Answer {
  if (searchParams.has('uploads')) {
    const result = '<UploadId>1</UploadId></InitiateMultipartUploadResult>';
    return { status: 200, body: `${xml}<InitiateMultipartUploadResult>${result}` };
  }
  if (searchParams.has('partNumber')) return stored(request);
  const isThere = tested.has(pathname);
  if (!holds(request, isThere)) return { status: 412 };
  if (request.method === 'HEAD') {
    return isThere ? { status: 200, headers: { etag } } : { status: 404 };
  }
  if (request.method === 'PUT') {
    tested.add(pathname);
    return stored(request);
  }
  if (!searchParams.has('uploadId')) tested.delete(pathname);
  return { status: 204 };
}

function holds({ headers }: IncomingMessage, isThere: boolean): boolean {
  if (headers['if-none-match'] === '*') return !isThere;
  return headers['if-match'] === undefined || headers['if-match'] === etag;
}

function serve(request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', 'http://null');
  const parts: Buffer[] = [];
  // A stored object is dropped at once.
  const isKept = request.method === 'POST';
  request.on('data', (part: Buffer) => {
    if (isKept) parts.push(part);
  });
  request.on('end', () => {
    if (url.pathname === '/counts') {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(counts));
      return;
    }
    const {
      status,
      body = '',
      headers = {},
    } = answer(request, url, Buffer.concat(parts).toString());
    const type = body === '' ? {} : { 'content-type': 'application/xml' };
    const send = (): void => void response.writeHead(status, { ...headers, ...type }).end(body);
    if (latencyMs === '0') send();
    else setTimeout(send, Number(latencyMs));
  });
}

const server = createServer(serve);
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (typeof address === 'object' && address !== null) console.log(String(address.port));
});
process.once('SIGTERM', () => {
  server.close(() => process.exit(0));
  server.closeAllConnections();
});
