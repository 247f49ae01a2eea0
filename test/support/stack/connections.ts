/** A test's own connections to the stack, like the small GitLab's. */
import { Redis } from 'ioredis';
import { Pool } from 'pg';
import type { RunningStack } from '../../../ops/local/stack/running-stack';
import { readFile, sourcePasswords } from './stack';

/** As the owner of GitLab's tables. */
export function connectPool(stack: RunningStack, database: string): Pool {
  const { host, port } = stack.addresses.postgres;
  const password = sourcePasswords(stack).gitlab;
  const pool = new Pool({ host, port, user: 'gitlab', password, database, max: 6 });
  pool.on('error', () => undefined); // a scenario may stop the server under idle connections
  return pool;
}

/** In database 0, until a test claims one (redis-database.ts). */
export function connectRedis(stack: RunningStack): Redis {
  const { host, port, passwordFile } = stack.addresses.redis;
  return new Redis({ host, port, password: readFile(passwordFile), lazyConnect: true });
}
