import { createServer, type AddressInfo, type Server as NetServer } from 'node:net';
import { ConfigError } from '../lib/process/config';
import { UnreachableError } from '../lib/process/unreachable-error';
import { httpOf, kafkaOf, postgresOf, reach } from './reach';

let server: NetServer;
beforeAll(async () => {
  server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => server.close());

const portOf = (): number => (server.address() as AddressInfo).port;
const listening = () => kafkaOf({ KAFKA_BROKERS: [`127.0.0.1:${portOf()}`] });

test('a port that refuses ends the command at once, which names address and variable', async () => {
  const ask = jest.fn();
  const at = kafkaOf({ KAFKA_BROKERS: ['127.0.0.1:1'] });
  await expect(reach(at, ask)).rejects.toThrow(
    /^Kafka at 127\.0\.0\.1:1 does not answer \(KAFKA_BROKERS\): connect ECONNREFUSED/,
  );
  expect(ask).not.toHaveBeenCalled();
});

test('one of several brokers is enough', async () => {
  const at = kafkaOf({ KAFKA_BROKERS: ['127.0.0.1:1', `127.0.0.1:${portOf()}`] });
  await expect(reach(at, () => Promise.resolve('there'))).resolves.toBe('there');
});

test('the refusal of a server is printed as the server worded it', async () => {
  const refused = new ConfigError('wrong password');
  await expect(reach(listening(), () => Promise.reject(refused))).rejects.toBe(refused);
});

test('a client that gives up is reported as a server that does not answer', async () => {
  const gaveUp = new UnreachableError('gave up');
  await expect(reach(listening(), () => Promise.reject(gaveUp))).rejects.toThrow(
    /^Kafka at .* does not answer \(KAFKA_BROKERS\): gave up$/,
  );
});

test('where a server is said to be is found in every form of address', () => {
  expect(httpOf('S3', 'S3_ENDPOINT', undefined).addresses).toEqual([]);
  expect(httpOf('S3', 'S3_ENDPOINT', 'https://s3.example').addresses).toEqual(['s3.example:443']);
  expect(httpOf('S3', 'S3_ENDPOINT', 'http://[::1]:9000/x').addresses).toEqual(['[::1]:9000']);
  const folder = { POSTGRES_HOST: '/run/postgresql', POSTGRES_PORT: 5432 };
  expect(postgresOf(folder).addresses).toEqual([]);
});
