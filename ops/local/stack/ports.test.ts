import { createServer } from 'node:net';
import { choosePorts, isPortFree, portNames, portVariable, portsFromEnvironment } from './ports';

const wishes = {
  configured: {},
  remembered: {},
  isFree: () => Promise.resolve(true),
  random: Math.random,
};

it('gives every server a port of its own', async () => {
  const ports = await choosePorts(wishes);
  expect(new Set(Object.values(ports)).size).toBe(portNames.length);
});

it('stays below the range from which systems take outgoing ports', async () => {
  let next = 1;
  const random = () => (next -= 0.0001);
  const ports = await choosePorts({ ...wishes, random });
  expect(Math.max(...Object.values(ports))).toBeLessThan(32_000);
  expect(Math.min(...Object.values(ports))).toBeGreaterThan(31_000);
});

it('keeps the ports of the last time, but for one that is taken now', async () => {
  const remembered = await choosePorts(wishes);
  const again = await choosePorts({
    ...wishes,
    remembered,
    isFree: (port) => Promise.resolve(port !== remembered.redis),
  });
  expect(again).toEqual({ ...remembered, redis: again.redis });
  expect(again.redis).not.toBe(remembered.redis);
});

it('never replaces a configured port: taken, it is named', async () => {
  const taken = {
    ...wishes,
    configured: { kafka: 9092 },
    isFree: (port: number) => Promise.resolve(port !== 9092),
  };
  await expect(choosePorts(taken)).rejects.toThrow(/^Port 9092, configured for kafka, is taken/);
});

it('refuses one configured port for two servers', async () => {
  const configured = { kafka: 9092, redis: 9092 };
  await expect(choosePorts({ ...wishes, configured })).rejects.toThrow(
    /9092, configured for redis/,
  );
});

it('sees that a server listens', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  expect(await isPortFree(port)).toBe(false);
  await new Promise((resolve) => server.close(resolve));
  expect(await isPortFree(port)).toBe(true);
});

it('reads ports from the environment and names the wrong variable', () => {
  expect(portVariable('kafkaController')).toBe('AFTERBUILD_KAFKA_CONTROLLER_PORT');
  expect(
    portsFromEnvironment({ AFTERBUILD_REDIS_PORT: '7000', AFTERBUILD_KAFKA_PORT: '' }),
  ).toEqual({
    redis: 7_000,
  });
  expect(() => portsFromEnvironment({ AFTERBUILD_REDIS_PORT: 'x' })).toThrow(
    'AFTERBUILD_REDIS_PORT must be a port from 1 to 65535.',
  );
});
