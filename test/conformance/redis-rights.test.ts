/** What the archiver tries of a Redis at its start: every command by name, and a full Redis is not taken for an unfit one. */
import { ConfigError } from '../../lib/process/config';
import { RedisConnection } from '../../lib/stores/redis/connection';
import { testCommands } from '../../lib/stores/redis/self-test';
import { fill, OwnRedis, unlimited } from '../support/stack/own-redis';

const own = new OwnRedis();
const replica = new OwnRedis();
const opened: RedisConnection[] = [];
const shared = { holdsSharedState: true };
const chunksAlone = { holdsSharedState: false };

function connect(username?: string, password?: string, port = own.port): RedisConnection {
  const login = { username, password, tlsCa: undefined };
  const one = new RedisConnection({ host: '127.0.0.1', port, db: 0, ...login });
  opened.push(one);
  return one;
}

let users = 0;
/** @param rules of the user, after all rights of the runbook's table. */
async function userWith(...rules: readonly string[]): Promise<RedisConnection> {
  const name = `user-${(users += 1)}`;
  const keys = ['gitlab:ci:trace:*', 'gitlab:exclusive_lease:trace:write:lock:*'];
  const names = [...keys, 'afterbuild:trace:missing:*'].map((key) => `~${key}`);
  const commands =
    'get strlen type pttl pexpire unlink set exists del hget hset hincrby evalsha script info ping select';
  const granted = commands.split(' ').map((command) => `+${command}`);
  const given = ['on', '>secret', '-@all', ...names, ...granted, ...rules];
  await own.client.call('ACL', 'SETUSER', name, ...given);
  return connect(name, 'secret');
}

beforeAll(async () => {
  await Promise.all([own.start(), replica.start()]);
});
beforeEach(async () => {
  await unlimited(own.client);
  await own.client.flushall();
});
afterAll(async () => {
  for (const one of opened) one.close();
  await Promise.all([own.stop(), replica.stop()]);
});

test('with the rights of the runbook’s table it passes, on either server, and leaves no key', async () => {
  await testCommands(await userWith(), shared);
  await testCommands(await userWith(), chunksAlone);
  expect(await own.client.keys('*')).toEqual([]);
});

const chunkCommands = ['get', 'strlen', 'type', 'pttl', 'pexpire', 'unlink'];
const allCommands = [...chunkCommands, 'set', 'exists', 'del', 'hget', 'hset', 'hincrby'];

test.each([...allCommands, 'evalsha', 'script', 'info'])(
  'a user without %s is refused by its name',
  async (command) => {
    const test = testCommands(await userWith(`-${command}`), shared);
    await expect(test).rejects.toThrow(ConfigError);
    await expect(test).rejects.toThrow(
      new RegExp(`does not let this user do ${command.toUpperCase()}\\b.*NOPERM`, 's'),
    );
  },
);

test.each([...chunkCommands, 'evalsha', 'script', 'info'])(
  'a user without %s is refused on a server of chunks alone, too',
  async (command) => {
    const test = testCommands(await userWith(`-${command}`), chunksAlone);
    await expect(test).rejects.toThrow(new RegExp(`do ${command.toUpperCase()}\\b`));
  },
);

test('a server of chunks alone needs no right to write leases', async () => {
  await testCommands(await userWith('-set', '-hset', '-hincrby', '-del'), chunksAlone);
});

test.each([
  ['gitlab:ci:trace:*', 'GET'],
  ['gitlab:exclusive_lease:trace:write:lock:*', 'DEL'],
  ['afterbuild:trace:missing:*', 'HGET'],
])('a user without the keys %s is refused by their name', async (pattern, command) => {
  const all = ['gitlab:ci:trace:*', 'gitlab:exclusive_lease:trace:write:lock:*'];
  const names = [...all, 'afterbuild:trace:missing:*'].filter((one) => one !== pattern);
  const connection = await userWith('resetkeys', ...names.map((one) => `~${one}`));
  const test = testCommands(connection, shared);
  await expect(test).rejects.toThrow(ConfigError);
  const [prefix] = pattern.split('*');
  await expect(test).rejects.toThrow(`do ${command} on keys ${prefix}`);
});

test('a full Redis is not unfit, and a right that is missing there is still named', async () => {
  await own.client.set('much', Buffer.alloc(1_000_000));
  await fill(own.client);
  await testCommands(await userWith(), shared);
  await expect(testCommands(await userWith('-set'), shared)).rejects.toThrow(/do SET\b/);
  await expect(testCommands(await userWith('-hset'), shared)).rejects.toThrow(/do HSET\b/);
});

test('a wrong password is named as such, and a replica is waited for', async () => {
  const refused = { name: 'RedisError', isRefusal: true };
  const wrong = connect('user-1', 'wrong');
  await expect(testCommands(wrong, shared)).rejects.toMatchObject(refused);
  await expect(testCommands(wrong, shared)).rejects.toThrow(/WRONGPASS/);
  await replica.client.replicaof('127.0.0.1', own.port);
  const follower = connect(undefined, undefined, replica.port);
  const passing = { name: 'RedisError', isRefusal: false };
  await expect(testCommands(follower, shared)).rejects.toMatchObject(passing);
});

test('keys that a start has left end by themselves', async () => {
  const connection = await userWith('-del', '-unlink');
  await expect(testCommands(connection, shared)).rejects.toThrow(ConfigError);
  const left = await own.client.keys('*');
  const ends = await Promise.all(left.map((key) => own.client.pttl(key)));
  expect(left.length).toBeGreaterThan(0);
  for (const ms of ends) expect(ms > 0 && ms <= 10_000).toBe(true);
});
