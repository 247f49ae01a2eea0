/**
 * An S3 server that stores nothing: it says yes to every DeleteObjects as fast as it can, and counts. With a
 * limit it grants so many keys a second, a second's worth after a rest, and answers SlowDown above.
 * A process of its own, so that it does not share the thread that it measures.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

const [bucketTag = '', keysPerSecond = 'Infinity'] = process.argv.slice(2);
const limit = Number(keysPerSecond);
const counts = { requests: 0, keys: 0, slowDowns: 0 };
const tokens = { left: limit, filledAt: performance.now() };
const xml = '<?xml version="1.0" encoding="UTF-8"?>';

interface Answer {
  readonly status: number;
  readonly body: string;
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

function answer(request: IncomingMessage, body: string): Answer {
  const query = new URL(request.url ?? '/', 'http://null').searchParams;
  if (query.has('tagging')) {
    const [key = '', value = ''] = bucketTag.split('=');
    const tag = `<Tag><Key>${key}</Key><Value>${value}</Value></Tag>`;
    return { status: 200, body: `${xml}<Tagging><TagSet>${tag}</TagSet></Tagging>` };
  }
  let keys = 0;
  for (let at = body.indexOf('<Key>'); at >= 0; at = body.indexOf('<Key>', at + 5)) keys += 1;
  counts.requests += 1;
  if (isGranted(keys)) {
    counts.keys += keys;
    return { status: 200, body: `${xml}<DeleteResult></DeleteResult>` };
  }
  counts.slowDowns += 1;
  const message = 'Please reduce your request rate.';
  const error = `<Error><Code>SlowDown</Code><Message>${message}</Message></Error>`;
  return { status: 503, body: `${xml}${error}` };
}

function serve(request: IncomingMessage, response: ServerResponse): void {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => {
    const isCount = request.url === '/counts';
    const { status, body } = isCount
      ? { status: 200, body: JSON.stringify(counts) }
      : answer(request, Buffer.concat(parts).toString());
    const type = isCount ? 'application/json' : 'application/xml';
    response.writeHead(status, { 'content-type': type });
    response.end(body);
  });
}

const server = createServer(serve);
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (typeof address === 'object' && address !== null) console.log(String(address.port));
});
process.once('SIGTERM', () => server.close(() => process.exit(0)));
