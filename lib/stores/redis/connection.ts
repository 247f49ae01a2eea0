/**
 * A connection to one of GitLab's Redis servers: calls have a time limit, commands are pipelined, and errors are
 * sentences.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ChainableCommander, Redis } from 'ioredis';
import type { z } from 'zod';
import { refuseClearText } from '../../process/clear-text';
import {
  type Connections,
  ConfigError,
  readSecret,
  type reconcileSchema,
} from '../../process/config';
import { projectRoot } from '../../process/root';
import { isRefusalByRole, RedisError } from './errors';
import { asList } from './replies';

interface RedisSettings {
  readonly host: string;
  readonly port: number;
  readonly db: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Certificate of the authority in PEM; TLS is used, and checked, only when it is given. */
  readonly tlsCa: string | undefined;
}

type RedisVariables = Pick<
  Connections,
  | 'REDIS_HOST'
  | 'REDIS_PORT'
  | 'REDIS_DB'
  | 'REDIS_USERNAME'
  | 'REDIS_PASSWORD_FILE'
  | 'REDIS_TLS_CA_FILE'
> &
  Partial<Pick<Connections, 'CLEAR_TEXT_PASSWORDS'>>;

/** @throws ConfigError when a file that the configuration names cannot be read, or a password would go in clear text. */
export function redisSettings(config: RedisVariables): RedisSettings {
  return {
    host: config.REDIS_HOST,
    port: config.REDIS_PORT,
    db: config.REDIS_DB,
    username: config.REDIS_USERNAME,
    ...secretsOf('REDIS', config.REDIS_HOST, config),
  };
}

/** AUTH sends the password itself. */
function secretsOf<Prefix extends 'REDIS' | 'REDIS_TRACE_CHUNKS'>(
  prefix: Prefix,
  host: string,
  config: Readonly<
    Partial<Record<`${Prefix}_${'PASSWORD_FILE' | 'TLS_CA_FILE'}`, string | undefined>>
  > &
    Partial<Pick<Connections, 'CLEAR_TEXT_PASSWORDS'>>,
): Pick<RedisSettings, 'password' | 'tlsCa'> {
  const passwordFile = config[`${prefix}_PASSWORD_FILE`];
  const caFile = config[`${prefix}_TLS_CA_FILE`];
  if (passwordFile !== undefined && caFile === undefined) {
    refuseClearText({
      passwords: config.CLEAR_TEXT_PASSWORDS,
      hosts: [host],
      why: `${prefix}_PASSWORD_FILE is set and ${prefix}_TLS_CA_FILE is not`,
      instead: `Set ${prefix}_TLS_CA_FILE`,
    });
  }
  return {
    password:
      passwordFile === undefined ? undefined : readSecret(`${prefix}_PASSWORD_FILE`, passwordFile),
    tlsCa: caFile === undefined ? undefined : readCertificate(`${prefix}_TLS_CA_FILE`, caFile),
  };
}

type ChunkVariables = Pick<
  z.output<typeof reconcileSchema>,
  | keyof RedisVariables
  | `REDIS_TRACE_CHUNKS_${'HOST' | 'PORT' | 'DB' | 'USERNAME' | 'PASSWORD_FILE' | 'TLS_CA_FILE'}`
>;

/** The Redis of live chunks: its own settings, or those of the shared state when it has no host of its own. */
export function traceChunksSettings(config: ChunkVariables): RedisSettings {
  const host = config.REDIS_TRACE_CHUNKS_HOST;
  if (host === undefined) return redisSettings(config);
  return {
    host,
    port: config.REDIS_TRACE_CHUNKS_PORT ?? 6379,
    db: config.REDIS_TRACE_CHUNKS_DB ?? 0,
    username: config.REDIS_TRACE_CHUNKS_USERNAME,
    ...secretsOf('REDIS_TRACE_CHUNKS', host, config),
  };
}

/** A script of this folder; its file says keys, arguments and what it returns. */
export interface RedisScript {
  readonly lua: string;
  readonly sha1: string;
}

export function loadScript(name: string): RedisScript {
  const lua = readFileSync(join(projectRoot, 'lib/stores/redis', `${name}.lua`), 'utf8');
  return { lua, sha1: createHash('sha1').update(lua).digest('hex') };
}

export interface ScriptCall {
  readonly key: string;
  readonly args: readonly (string | number)[];
}

const answerLimitMs = 10_000;

export class RedisConnection {
  readonly address: string;
  readonly #redis: Redis;
  #lastError: Error | undefined;
  /** Counted, so that only the refusing connection is given up. */
  #connections = 0;
  #refusedAsFull = 0;

  constructor(settings: RedisSettings) {
    this.address = `${settings.host}:${settings.port}`;
    this.#redis = new Redis({
      host: settings.host,
      port: settings.port,
      db: settings.db,
      ...(settings.username === undefined ? {} : { username: settings.username }),
      ...(settings.password === undefined ? {} : { password: settings.password }),
      ...(settings.tlsCa === undefined ? {} : { tls: { ca: settings.tlsCa } }),
      lazyConnect: true,
      connectTimeout: answerLimitMs,
      commandTimeout: answerLimitMs,
      maxRetriesPerRequest: 1,
    });
    this.#redis.on('error', (error: Error) => (this.#lastError = error));
    this.#redis.on('connect', () => (this.#connections += 1));
    // The error of an earlier connection says nothing about this one.
    this.#redis.on('ready', () => (this.#lastError = undefined));
  }

  /** How many commands it has refused for lack of memory since the start. */
  get refusedAsFull(): number {
    return this.#refusedAsFull;
  }

  async ping(): Promise<void> {
    await this.pipeline((commands) => commands.ping());
  }

  /** One round trip. @returns the answers in the commands' order. @throws RedisError when one failed. */
  async pipeline(add: (commands: ChainableCommander) => unknown): Promise<unknown[]> {
    const replies = await this.replies(add);
    return replies.map((reply) => {
      if (reply instanceof RedisError) throw reply;
      return reply;
    });
  }

  /** Like `pipeline`, with refusals in place of their answers. @throws RedisError when not all were answered. */
  async replies(add: (commands: ChainableCommander) => unknown): Promise<unknown[]> {
    const commands = this.#redis.pipeline();
    add(commands);
    if (commands.length === 0) return [];
    const count = commands.length;
    const answers = await commands.exec().catch((error: unknown) => {
      throw this.#translated(error, this.#connections);
    });
    const connection = this.#connections;
    const pairs = asList(answers, count, 'a pipeline') as readonly [Error | null, unknown][];
    return pairs.map(([error, answer]) => (error ? this.#translated(error, connection) : answer));
  }

  /**
   * A missing key counts from a master only: a replica may never have had it.
   * @throws RedisError when this is none, or does not answer that; the next command uses a new connection.
   */
  async assertMaster(): Promise<void> {
    const [info] = await this.pipeline((commands) => commands.info('replication'));
    const role = /^role:(\w+)/m.exec(typeof info === 'string' ? info : '')?.[1];
    if (role === 'master') return;
    this.#connectAnew(this.#connections);
    throw new RedisError(
      `Redis at ${this.address} is ${role === undefined ? 'of a role that it does not say (INFO replication)' : `a ${role}`}: that a key is not there is believed of a master only.`,
      true,
      undefined,
    );
  }

  /** One round trip; a second one when the server does not know the script yet. */
  async runScript(script: RedisScript, calls: readonly ScriptCall[]): Promise<unknown[]> {
    const run = () =>
      this.pipeline((commands) => {
        for (const { key, args } of calls) commands.evalsha(script.sha1, 1, key, ...args);
      });
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof RedisError) || !error.message.includes('NOSCRIPT')) throw error;
      await this.pipeline((commands) => commands.script('LOAD', script.lua));
      return run();
    }
  }

  close(): void {
    this.#redis.disconnect();
  }

  /** The address may lead to another server by now, while this connection still leads to the old one. */
  #connectAnew(since: number): void {
    if (since === this.#connections) this.#redis.disconnect(true);
  }

  #translated(error: unknown, connection: number): RedisError {
    if (error instanceof RedisError) return error;
    const isRefusal = error instanceof Error && error.name === 'ReplyError';
    const reason = isRefusal ? error.message : (this.#lastError ?? (error as Error)).message;
    const says = isRefusal ? 'refuses' : 'does not answer';
    if (isRefusal && isRefusalByRole(reason)) this.#connectAnew(connection);
    const named = new RedisError(`Redis at ${this.address} ${says}: ${reason}`, isRefusal, error);
    if (named.isFull) this.#refusedAsFull += 1;
    return named;
  }
}

function readCertificate(variable: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError(`${variable}: the file ${path} cannot be read.`, { cause: error });
  }
}
