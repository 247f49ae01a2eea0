import { ConfigError } from './config';
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
