/**
 * An S3 server that stores nothing: it says yes to every DeleteObjects as fast as it can, and counts.
 * A process of its own, so that it does not share the thread that it measures.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

const counts = { requests: 0, keys: 0 };
const xml = '<?xml version="1.0" encoding="UTF-8"?>';

function answer(request: IncomingMessage, body: string): string {
  const query = new URL(request.url ?? '/', 'http://null').searchParams;
  if (query.has('tagging')) {
    const [key = '', value = ''] = (process.argv[2] ?? '').split('=');
    return `${xml}<Tagging><TagSet><Tag><Key>${key}</Key><Value>${value}</Value></Tag></TagSet></Tagging>`;
  }
  counts.requests += 1;
  for (let at = body.indexOf('<Key>'); at >= 0; at = body.indexOf('<Key>', at + 5))
    counts.keys += 1;
  return `${xml}<DeleteResult></DeleteResult>`;
}

function serve(request: IncomingMessage, response: ServerResponse): void {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => {
    const isCount = request.url === '/counts';
    const text = isCount
      ? JSON.stringify(counts)
      : answer(request, Buffer.concat(parts).toString());
    response.writeHead(200, { 'content-type': isCount ? 'application/json' : 'application/xml' });
    response.end(text);
  });
}

const server = createServer(serve);
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (typeof address === 'object' && address !== null) console.log(String(address.port));
});
process.once('SIGTERM', () => server.close(() => process.exit(0)));
