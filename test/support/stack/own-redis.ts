/** A Redis server of a test's own, for changes that must not happen to the shared one. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from '../../../ops/local/stack/ports';
import { currentStack, placeOf } from './stack';
import { until } from '../until';

export class OwnRedis {
  readonly #password: string | undefined;
  readonly #folder = mkdtempSync(join(tmpdir(), 'afterbuild-redis-'));
  #child!: ChildProcess;
  port!: number;
  client!: Redis;

  /** @param password by default it asks for none. */
  constructor(password?: string) {
    this.#password = password;
  }

  async start(): Promise<this> {
    const { redisServer } = placeOf(currentStack()).files;
    this.port = await freePort();
    const place = [`port ${this.port}`, 'bind 127.0.0.1', `dir "${this.#folder}"`, 'save ""'];
    const login = this.#password;
    const asked = login === undefined ? [] : [`requirepass ${login}`, `masterauth ${login}`];
    this.#child = spawn(redisServer, ['-'], { stdio: ['pipe', 'ignore', 'ignore'] });
    this.#child.stdin?.end(`${[...place, ...asked].join('\n')}\n`);
    this.client = new Redis({
      ...{ host: '127.0.0.1', port: this.port, lazyConnect: true },
      ...(login !== undefined && { password: login }),
    });
    this.client.on('error', () => undefined);
    await until('Redis answers', () => this.client.ping().then(() => true));
    return this;
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    const { exitCode, signalCode } = this.#child;
    if (exitCode === null && signalCode === null) await once(this.#child, 'exit');
  }

  async stop(): Promise<void> {
    this.client.disconnect();
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The least of a few readings: buffers for answers count, too, for a moment. */
export async function usedMemory(redis: Redis): Promise<number> {
  const looks: number[] = [];
  while (looks.length < 20) {
    looks.push(Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]));
  }
  return Math.min(...looks);
}

/** From now on it is full: it uses more than it may, and refuses commands that add data. */
export async function fill(redis: Redis, share = 0.9): Promise<void> {
  const [, policy] = (await redis.config('GET', 'maxmemory-policy')) as [string, string];
  if (policy !== 'noeviction') throw new Error(`Redis evicts keys: ${policy}`);
  await redis.config('SET', 'maxmemory', Math.floor((await usedMemory(redis)) * share));
}

export const unlimited = (redis: Redis): Promise<unknown> => redis.config('SET', 'maxmemory', 0);
