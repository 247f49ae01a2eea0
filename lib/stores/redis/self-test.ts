/**
 * Checks at the start whether this Redis knows, and allows us, every command that the archive's safety rests on. Each is
 * tried on keys of our own, which expire by themselves: their names begin like GitLab's, since rights are given by names,
 * but hold no id of a build.
 */
import { randomUUID } from 'node:crypto';
import type { ChainableCommander } from 'ioredis';
import { chunkRedisKey, traceLeaseKey } from '../../gitlab/trace-chunks';
import { ConfigError } from '../../process/config';
import { loadScript, type RedisConnection, type RedisScript } from './connection';
import { isRefusalByRole, RedisError } from './errors';
import { missingPrefix } from './missing-chunks';

/** A start that dies in between leaves its keys for so long. */
const keptMs = 10_000;

interface Try {
  readonly command: string;
  readonly key: string;
  readonly send: (commands: ChainableCommander) => unknown;
  /** What it runs, to be loaded before. */
  readonly script?: RedisScript;
  /** Whether this is a right answer; any other one shows that the command does something else here. */
  readonly isRight: (reply: unknown) => boolean;
}

const is =
  (...right: readonly unknown[]) =>
  (reply: unknown): boolean =>
    right.includes(reply);
const isTime = (reply: unknown): boolean =>
  typeof reply === 'number' && reply > 0 && reply <= keptMs;
const isNumber = (reply: unknown): boolean => typeof reply === 'number';

/** Of live chunks: both servers. The key holds nothing, so nothing can be lost. */
function triesOfChunks(key: string): Try[] {
  return [
    { command: 'GET', key, send: (to) => to.get(key), isRight: is(null) },
    { command: 'STRLEN', key, send: (to) => to.strlen(key), isRight: is(0) },
    { command: 'TYPE', key, send: (to) => to.type(key), isRight: is('none') },
    { command: 'PTTL', key, send: (to) => to.pttl(key), isRight: is(-2) },
    { command: 'PEXPIRE', key, send: (to) => to.pexpire(key, keptMs), isRight: is(0) },
    { command: 'UNLINK', key, send: (to) => to.unlink(key), isRight: is(0) },
    scriptTry('unlink-if-unchanged', key, [0, ''], is(0)),
  ];
}

/** A lease, as GitLab and we take it: SET comes first and is refused by a Redis that is full; what follows shows which. */
function triesOfLeases(key: string): Try[] {
  const set = (token: string) => (to: ChainableCommander) => to.set(key, token, 'PX', keptMs, 'NX');
  return [
    { command: 'DEL', key, send: (to) => to.del(key), isRight: is(0) },
    { command: 'SET', key, send: set('ours'), isRight: is('OK') },
    { command: 'SET NX', key, send: set('theirs'), isRight: is(null) },
    { command: 'GET', key, send: (to) => to.get(key), isRight: is('ours') },
    { command: 'EXISTS', key, send: (to) => to.exists(key), isRight: is(1) },
    { command: 'PTTL', key, send: (to) => to.pttl(key), isRight: isTime },
    { command: 'PEXPIRE', key, send: (to) => to.pexpire(key, keptMs), isRight: is(1) },
    scriptTry('renew-lease', key, ['theirs', keptMs], is(0)),
    scriptTry('renew-lease', key, ['ours', keptMs], is(1)),
    scriptTry('unlink-if-unchanged', key, [4, sha1OfTheirs], is(-1)),
    scriptTry('release-lease', key, ['theirs'], is(0)),
    scriptTry('release-lease', key, ['ours'], is(1)),
    scriptTry('take-lease-when-full', key, ['ours', keptMs], isTaken),
    { command: 'DEL', key, send: (to) => to.del(key), isRight: is(1) },
  ];
}

/** Of other bytes of the same length. */
const sha1OfTheirs = '0'.repeat(40);
const isTaken = (reply: unknown): boolean =>
  Array.isArray(reply) && reply[0] === 1 && isTime(reply[1]);

function triesOfMissing(key: string): Try[] {
  return [
    { command: 'HGET', key, send: (to) => to.hget(key, 'which'), isRight: is(null) },
    { command: 'HSET', key, send: (to) => to.hset(key, 'which', 'x'), isRight: is(1) },
    { command: 'PEXPIRE', key, send: (to) => to.pexpire(key, keptMs), isRight: is(1) },
    { command: 'HINCRBY', key, send: (to) => to.hincrby(key, 'reads', 1), isRight: is(1) },
    scriptTry('note-missing', key, ['x', 0, keptMs], (reply) => Array.isArray(reply)),
    { command: 'UNLINK', key, send: (to) => to.unlink(key), isRight: isNumber },
  ];
}

function scriptTry(
  name: string,
  key: string,
  args: readonly (string | number)[],
  isRight: Try['isRight'],
): Try {
  const script = loadScript(name);
  const send = (to: ChainableCommander) => to.evalsha(script.sha1, 1, key, ...args);
  return { command: `EVALSHA (${name})`, key, send, script, isRight };
}

/**
 * Tries them in four round trips, on a server of chunks alone or one that holds the shared state as well.
 * @throws ConfigError for a command that is not allowed, not known or does something else, by its name; RedisError when
 * nothing is known, or this server is not, or not yet, the master. A Redis that is full is none of these.
 */
export async function testCommands(
  redis: RedisConnection,
  { holdsSharedState }: { readonly holdsSharedState: boolean },
): Promise<void> {
  const own = `0:afterbuild-self-test:${randomUUID()}`;
  const chunk = chunkRedisKey(0, 0).replace(':0:', `:${own}:`);
  const lease = traceLeaseKey(0).replace(/0$/, own);
  const tries = [
    ...triesOfChunks(chunk),
    ...(holdsSharedState ? triesOfLeases(lease) : []),
    ...(holdsSharedState ? triesOfMissing(`${missingPrefix}${own}`) : []),
  ];
  await loadScripts(redis, tries);
  const replies = await redis.replies((commands) => {
    for (const { send } of tries) send(commands);
  });
  // What is not there because Redis had no room for it says nothing of the commands that ask for it.
  let isFull = false;
  tries.forEach((one, index) => {
    const reply = replies[index];
    if (reply instanceof RedisError) {
      isFull ||= reply.isFull;
      if (!reply.isFull) refuse(redis, one, reply);
    } else if (!isFull && !one.isRight(reply)) {
      const keys = patternOf(one.key);
      throw new ConfigError(
        `Redis at ${redis.address} answers ${one.command} on keys ${keys} otherwise than Redis does: nothing is archived, since leases and comparisons could not be relied on.`,
      );
    }
  });
  await assertMaster(redis);
}

/** That a key is not there counts from a master only: the archiver asks by INFO again and again. */
async function assertMaster(redis: RedisConnection): Promise<void> {
  const [info] = await redis.replies((commands) => commands.info('replication'));
  if (info instanceof RedisError) refuse(redis, { command: 'INFO' }, info);
  await redis.assertMaster().catch((error: unknown) => {
    throw error instanceof RedisError ? notYet(error) : error;
  });
}

async function loadScripts(redis: RedisConnection, tries: readonly Try[]): Promise<void> {
  const all = new Set(tries.flatMap(({ script }) => script?.lua ?? []));
  const loaded = await redis.replies((commands) => {
    for (const lua of all) commands.script('LOAD', lua);
  });
  for (const reply of loaded) {
    if (reply instanceof RedisError && !reply.isFull)
      refuse(redis, { command: 'SCRIPT LOAD' }, reply);
  }
}

function refuse(
  redis: RedisConnection,
  { command, key }: { readonly command: string; readonly key?: string },
  error: RedisError,
): never {
  if (/\b(?:MOVED|ASK|CLUSTERDOWN|CROSSSLOT)\b/.test(error.message)) {
    throw new ConfigError(
      `Redis at ${redis.address} is part of a Redis Cluster, which afterbuild does not speak to (${command}).`,
      { cause: error },
    );
  }
  if (!error.isRefusal || isPassing(error)) throw notYet(error);
  if (/\b(?:NOAUTH|WRONGPASS)\b/.test(error.message)) throw error;
  const on = key === undefined ? '' : ` on keys ${patternOf(key)}`;
  throw new ConfigError(
    `Redis at ${redis.address} does not let this user do ${command}${on}, which archiving needs: grant it (the table in docs/runbooks/on-your-gitlab.md). It says: ${error.message}`,
    { cause: error },
  );
}

/** It loads, follows another, or has taken the place of the one to which the scripts went. */
const isPassing = ({ message }: RedisError): boolean =>
  isRefusalByRole(message) || /\bNOSCRIPT\b/.test(message);

/** Another server may be the master in a moment: waited for, like one that does not answer. */
const notYet = (error: RedisError): RedisError => new RedisError(error.message, false, error);

const patternOf = (key: string): string => `${key.slice(0, key.indexOf('0:afterbuild'))}*`;
