import { once } from 'node:events';
import { createRequire } from 'node:module';
import {
  connect as openSocket,
  createServer,
  type AddressInfo,
  type Server,
  type Socket,
} from 'node:net';
import { KafkaJSConnectionError, KafkaJSError } from 'kafkajs';
import { repairConnections } from './repair-connections';

interface Connection {
  chunks: Buffer[];
  bytesBuffered: number;
  bytesNeeded: number;
  readonly socket: Socket | undefined;
  connect(): Promise<unknown>;
  disconnect(): Promise<unknown>;
}

let server: Server | undefined;

afterEach(async () => {
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
  server = undefined;
});

/** @param opened counts the sockets. */
async function connection(opened: () => void): Promise<Connection> {
  const listening = createServer((socket) => socket.on('error', () => undefined));
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const { port } = listening.address() as AddressInfo;
  const log = { debug: () => undefined, error: () => undefined, namespace: () => log };
  const Inner = createRequire(__filename)('kafkajs/src/network/connection') as new (
    options: object,
  ) => Connection;
  return new Inner({
    ...{ host: '127.0.0.1', port, logger: log, connectionTimeout: 1_000, requestTimeout: 1_000 },
    socketFactory: ({ onConnect }: { onConnect: () => void }) => {
      opened();
      return openSocket({ host: '127.0.0.1', port }, onConnect);
    },
  });
}

test('half an answer of a lost connection is no part of the next one', async () => {
  repairConnections();
  repairConnections();
  const one = await connection(() => undefined);
  await one.connect();
  Object.assign(one, { chunks: [Buffer.alloc(9)], bytesBuffered: 9, bytesNeeded: 100 });
  await one.disconnect();
  await one.connect();
  expect(one).toMatchObject({ chunks: [], bytesBuffered: 0, bytesNeeded: 4 });
  await one.disconnect();
});

test('two who connect at once share one socket', async () => {
  repairConnections();
  let sockets = 0;
  const one = await connection(() => (sockets += 1));
  await Promise.all([one.connect(), one.connect()]);
  expect(sockets).toBe(1);
  await one.disconnect();
});

test('to hang up again and again on a socket that is gone leaves nothing behind', async () => {
  repairConnections();
  const one = await connection(() => undefined);
  await one.connect();
  const { socket } = one;
  await one.disconnect();
  await once(socket!, 'close');
  for (let time = 0; time < 20; time += 1) await one.disconnect();
  expect(socket!.listenerCount('connect')).toBeLessThan(2);
});

interface Authenticator {
  authenticate(): Promise<void>;
}

/** A login by SCRAM on a connection that gives this answer to the second request. */
function loginThat(fails: Error): Authenticator {
  const Inner = createRequire(__filename)('kafkajs/src/broker/saslAuthenticator') as new (
    connection: object,
    logger: object,
    versions: object,
    isSupported: boolean,
  ) => Authenticator;
  const log = { debug: () => undefined, error: () => undefined, namespace: () => log };
  const send = ({ request }: { request: { apiName: string } }): Promise<unknown> =>
    request.apiName === 'SaslHandshake'
      ? Promise.resolve({ enabledMechanisms: ['SCRAM-SHA-512'] })
      : Promise.reject(fails);
  const sasl = { mechanism: 'scram-sha-512', username: 'somebody', password: 'secret' };
  const connection = { host: '127.0.0.1', port: 1, sasl, send, sendAuthRequest: () => undefined };
  const versions = { 17: { minVersion: 0, maxVersion: 1 }, 36: { minVersion: 0, maxVersion: 1 } };
  return new Inner(connection, log, versions, true);
}

test('a login that loses its connection is not refused, and may be tried again', async () => {
  repairConnections();
  const lost = new KafkaJSConnectionError('Closed connection');
  await expect(loginThat(lost).authenticate()).rejects.toBe(lost);
  const refused = new KafkaJSError('SASL Authentication failed');
  await expect(loginThat(refused).authenticate()).rejects.toMatchObject({
    name: 'KafkaJSSASLAuthenticationError',
  });
});

test('who has waited too long for a connection that another one makes may try again', async () => {
  repairConnections();
  const Lock = createRequire(__filename)('kafkajs/src/utils/lock') as new (options: object) => {
    acquire(): Promise<void>;
  };
  const lock = new Lock({ timeout: 1 });
  await lock.acquire();
  await expect(lock.acquire()).rejects.toMatchObject({
    name: 'KafkaJSLockTimeout',
    retriable: true,
  });
});
