import { connect } from 'node:net';
import { ConfigError } from '../process/config';
import { jsonPage, startHttpServer, type HttpServer } from './http-server';

let server: HttpServer;
const ask = (path: string, init: RequestInit = {}) =>
  fetch(`http://127.0.0.1:${server.port}${path}`, init);

beforeAll(async () => {
  server = await startHttpServer('127.0.0.1', 0, {
    '/well': () => jsonPage(200, { ready: true }),
    '/ill': () => Promise.resolve(jsonPage(503, { ready: false })),
    '/broken': () => Promise.reject(new Error('secret')),
  });
});

afterAll(() => server.close());

test.each([
  ['/well?verbose', 200, { ready: true }],
  ['/ill', 503, { ready: false }],
  ['/broken', 500, { error: 'the page could not be made' }],
  ['/', 404, { pages: ['/well', '/ill', '/broken'] }],
  ['/constructor', 404, { pages: ['/well', '/ill', '/broken'] }],
])('%s answers with %i', async (path, status, body) => {
  const answer = await ask(path);
  expect([answer.status, await answer.json()]).toEqual([status, body]);
});

test('HEAD has no body, and nothing else is taken', async () => {
  const head = await ask('/well', { method: 'HEAD' });
  expect([head.status, await head.text()]).toEqual([200, '']);
  expect((await ask('/well', { method: 'POST' })).status).toBe(405);
});

function rawly(request: string): Promise<string> {
  const socket = connect(server.port, '127.0.0.1');
  return new Promise((resolve) => {
    let answer = '';
    socket.on('data', (bytes) => (answer += String(bytes)));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(answer));
    socket.write(request);
  });
}

test('a page that is asked for by a foreign name is not shown where only this machine listens', async () => {
  const asked = (host: string) =>
    rawly(`GET /well HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
  expect(await asked('evil.example')).toMatch(/^HTTP\/1.1 404 [^]*"pages":\[\]/);
  expect(await asked('localhost:1')).toMatch(/^HTTP\/1.1 200/);
  expect(await asked('[::1]:1')).toMatch(/^HTTP\/1.1 200/);
});

test('requests that are not finished are cut off, and many of them at once keep nobody out for long', async () => {
  const half = Array.from({ length: 200 }, () => rawly('GET /well HTTP/1.1\r\nhost: loc'));
  await Promise.all(half);
  expect((await ask('/well')).status).toBe(200);
}, 20_000);

test('a port that is taken is a setting to correct', async () => {
  const second = startHttpServer('127.0.0.1', server.port, {});
  await expect(second).rejects.toThrow(ConfigError);
  await expect(second).rejects.toThrow(/HTTP_PORT.*EADDRINUSE/);
});

test('a client that stays connected does not hold up the end', async () => {
  const other = await startHttpServer('127.0.0.1', 0, { '/': () => new Promise(() => undefined) });
  const asking = fetch(`http://127.0.0.1:${other.port}/`);
  const failed = expect(asking).rejects.toThrow();
  await other.close();
  await failed;
});
