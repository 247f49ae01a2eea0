import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { UndecodableRecordError } from '../runtime/poison';
import { systemClock } from '../process/clock';
import { createRegistry, RegistryUnavailableError, type Registry } from './registry';

const schema = { type: 'record' as const, name: 'Thing', fields: [{ name: 'id', type: 'long' }] };

let server: Server;
let answer: { status: number; body: unknown } | null;
let requests: string[];
let nowMs = 0;

beforeEach(async () => {
  requests = [];
  answer = { status: 200, body: {} };
  server = createServer((request, response) => {
    requests.push(`${request.method ?? ''} ${request.url ?? ''}`);
    if (!answer) return;
    response.writeHead(answer.status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer.body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function registry(timeoutMs = 2_000): Registry {
  const { port } = server.address() as AddressInfo;
  const clock = { ...systemClock, nowMs: () => nowMs };
  return createRegistry({ url: `http://127.0.0.1:${port}`, timeoutMs, unknownIdMs: 1_000, clock });
}

test('a schema is asked for once', async () => {
  answer = { status: 200, body: { schema: JSON.stringify(schema) } };
  const asked = registry();
  const type = await asked.writerType(7);
  expect(type.fromBuffer(type.toBuffer({ id: 3 }))).toEqual({ id: 3 });
  expect(await asked.writerType(7)).toBe(type);
  expect(asked.knownType(7)).toBe(type);
  expect(requests).toEqual(['GET /schemas/ids/7']);
});

test('an unknown id makes a record undecodable, and is not requested again at once', async () => {
  answer = { status: 404, body: { error_code: 40403, message: 'Schema not found' } };
  const asked = registry();
  await expect(asked.writerType(9)).rejects.toThrow(UndecodableRecordError);
  await expect(asked.writerType(9)).rejects.toThrow(UndecodableRecordError);
  expect(requests).toHaveLength(1);
  nowMs += 1_001;
  await expect(asked.writerType(9)).rejects.toThrow(UndecodableRecordError);
  expect(requests).toHaveLength(2);
});

test.each([500, 503, 429, 401])('status %d says nothing about the record', async (status) => {
  answer = { status, body: { message: 'no' } };
  await expect(registry().writerType(1)).rejects.toThrow(RegistryUnavailableError);
});

test('no answer within the limit, and no server at all, are outages', async () => {
  answer = null;
  await expect(registry(50).writerType(1)).rejects.toThrow(/no answer within 50 ms/);
  const gone = registry();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await expect(gone.writerType(1)).rejects.toThrow(RegistryUnavailableError);
});

test('an incompatible schema is refused in words', async () => {
  answer = { status: 409, body: { error_code: 409, message: 'incompatible' } };
  await expect(registry().register('things-value', schema)).rejects.toThrow(
    /refuses the schema of things-value/,
  );
});
