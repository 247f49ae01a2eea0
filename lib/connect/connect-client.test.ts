import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  ConnectRefusedError,
  ConnectSilentError,
  ConnectUnavailableError,
  createConnectClient,
} from './connect-client';

/** Scripted answers for `METHOD path`; 404 for the rest. */
const answers = new Map<string, { status: number; body: unknown }>();
const requests: { request: string; body: string }[] = [];
let server: Server;
let url: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const asked = `${request.method ?? ''} ${request.url ?? ''}`;
      requests.push({ request: asked, body });
      const answer = answers.get(asked) ?? { status: 404, body: { message: 'not found' } };
      if (answer.status === 0) return; // never answers
      response.writeHead(answer.status).end(JSON.stringify(answer.body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  answers.clear();
  requests.length = 0;
});

const says = (asked: string, body: unknown, status = 200): void =>
  void answers.set(asked, { status, body });
const client = (timeoutMs = 5_000) => createConnectClient(`${url}/`, timeoutMs);

test('a connector that is not there is null, not an error', async () => {
  expect(await client().config('a')).toBeNull();
  expect(await client().status('a')).toBeNull();
  expect(await client().storedLsn('a', 'p')).toBeNull();
});

test('the configuration comes without the name that Connect adds', async () => {
  says('GET /connectors/a%2Fb/config', { name: 'a/b', 'slot.name': 's' });
  expect(await client().config('a/b')).toEqual({ 'slot.name': 's' });
});

test('the stored position is that of its own topic prefix, even if Connect keeps others', async () => {
  says('GET /connectors/a/offsets', {
    offsets: [
      { partition: { server: 'old' }, offset: { lsn: 7 } },
      { partition: { server: 'p' }, offset: { lsn: 42 } },
    ],
  });
  expect(await client().storedLsn('a', 'p')).toBe(42);
  says('GET /connectors/a/offsets', { offsets: [] });
  expect(await client().storedLsn('a', 'p')).toBeNull();
});

test('a new connector is made stopped', async () => {
  says('POST /connectors', {}, 201);
  await client().createStopped('a', { x: '1' });
  expect(JSON.parse(requests[0]!.body)).toEqual({
    name: 'a',
    config: { x: '1' },
    initial_state: 'STOPPED',
  });
});

test('a rebalance passes, a refusal does not, and both say what Connect said', async () => {
  says('PUT /connectors/a/stop', { message: 'rebalance in process' }, 409);
  await expect(client().stop('a')).rejects.toThrow(ConnectUnavailableError);
  says('PUT /connectors/a/config', { message: 'wrong slot' }, 400);
  const refused = client().putConfig('a', {});
  await expect(refused).rejects.toThrow(ConnectRefusedError);
  await expect(refused).rejects.toThrow('wrong slot');
});

test('a request without an answer is unavailable after the limit, and named', async () => {
  says('GET /connectors/a/status', {}, 0);
  const asked = client(50).status('a');
  await expect(asked).rejects.toThrow(ConnectSilentError);
  await expect(asked).rejects.toThrow(
    `Kafka Connect at ${url} has not answered GET /connectors/a/status within 50 ms.`,
  );
});

test('something else than Connect is named as such', async () => {
  says('GET /connectors/a/status', { hello: 'world' });
  await expect(client().status('a')).rejects.toThrow('is not Kafka Connect');
});
