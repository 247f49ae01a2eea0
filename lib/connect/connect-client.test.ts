import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ReplicationSlot } from './slot-gap';
import { readCdcHealth, summarizeTrace } from './cdc-health';
import {
  ConnectRefusedError,
  ConnectSilentError,
  ConnectUnavailableError,
  createConnectClient,
} from './connect-client';

/** What the server answers to `METHOD path`; 404 to the rest. */
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
  expect(await client().storedLsn('a')).toBeNull();
});

test('the configuration comes without the name that Connect adds', async () => {
  says('GET /connectors/a%2Fb/config', { name: 'a/b', 'slot.name': 's' });
  expect(await client().config('a/b')).toEqual({ 'slot.name': 's' });
});

test('the stored position is the lsn of the offset; a connector without one has none', async () => {
  says('GET /connectors/a/offsets', { offsets: [{ partition: {}, offset: { lsn: 42 } }] });
  expect(await client().storedLsn('a')).toBe(42);
  says('GET /connectors/a/offsets', { offsets: [] });
  expect(await client().storedLsn('a')).toBeNull();
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

describe('readCdcHealth', () => {
  const slot: ReplicationSlot = {
    name: 's',
    plugin: 'pgoutput',
    database: 'd',
    active: true,
    activePid: 1,
    walStatus: 'reserved',
    restartLsn: 90,
    confirmedFlushLsn: 100,
    lagBytes: 5,
  };
  const look = (found: ReplicationSlot | null, connectUrl = url) => {
    const pool = { query: () => Promise.resolve(found === null ? [] : [found]) };
    return readCdcHealth({ connectUrl, connector: 'a', slot: 's', pool: pool as never });
  };
  const connectorAt = (lsn: number, state = 'RUNNING', trace?: string): void => {
    const tasks = state === 'STOPPED' ? [] : [{ id: 0, state, trace }];
    says('GET /connectors/a/status', {
      connector: { state: state === 'FAILED' ? 'RUNNING' : state },
      tasks,
    });
    says('GET /connectors/a/offsets', { offsets: [{ offset: { lsn } }] });
  };

  it('has no problem when the connector runs at the slot’s position', async () => {
    connectorAt(100);
    expect(await look(slot)).toMatchObject({
      gap: null,
      problems: [],
      lagBytes: 5,
      storedLsn: 100,
    });
  });

  it('sees a slot that passed a stopped connector', async () => {
    connectorAt(95, 'STOPPED');
    const health = await look({ ...slot, active: false });
    expect(health).toMatchObject({ connectorState: 'STOPPED', gap: { kind: 'slot-advanced' } });
    expect(health.problems).toHaveLength(3);
  });

  it('sees a failed task and says why', async () => {
    connectorAt(100, 'FAILED', 'a.B: c\nCaused by: d.EException: the reason');
    expect((await look(slot)).problems).toEqual(['The connector a is FAILED (the reason).']);
  });

  it('does not take a Connect that is away for a gap, only for a problem', async () => {
    const health = await look(slot, 'http://127.0.0.1:1');
    expect(health).toMatchObject({ connectorState: 'UNREACHABLE', gap: null, storedLsn: null });
    expect(health.problems).toHaveLength(1);
  });

  it('sees that there is neither slot nor connector', async () => {
    expect((await look(null)).problems).toEqual([
      'The connector a is MISSING.',
      'There is no replication slot s.',
    ]);
  });
});

test.each([
  ['a.b.PSQLException: no slot\n\tat x', 'no slot'],
  ['a.Outer: top\nCaused by: a.Inner: mid\nCaused by: a.b.IOException: deep', 'deep'],
  ['java.lang.NullPointerException', 'java.lang.NullPointerException'],
  [undefined, 'Connect gave no reason'],
])('the reason in %j is %j', (trace, expected) => {
  expect(summarizeTrace(trace)).toBe(expected);
});
