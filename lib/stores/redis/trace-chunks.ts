/** Reads and removes the data of live chunks in one of GitLab's two Redis stores. */
import { loadScript, type RedisConnection } from './connection';
import { RedisError } from './errors';
import { asBytesOrNil, asInteger, asList, asOneOf } from './replies';

/** The archived content of one chunk. */
interface ArchivedBytes {
  readonly key: string;
  readonly sizeBytes: number;
  /** Of the bytes, in hex. */
  readonly sha1: string;
}

const unlinkIfUnchanged = loadScript('unlink-if-unchanged');

export class RedisTraceChunks {
  readonly #redis: RedisConnection;

  constructor(redis: RedisConnection) {
    this.#redis = redis;
  }

  /**
   * One round trip, and one more when a key is missing: that counts from a master only.
   * @returns null for a key that is missing, or holds no text: that is not an empty chunk. @throws RedisError.
   */
  async read(keys: readonly string[]): Promise<(Buffer | null)[]> {
    const replies = await this.#redis.replies((commands) => {
      for (const key of keys) commands.getBuffer(key);
    });
    const data = replies.map((reply) => (isOfAnotherType(reply) ? null : bytesOf(reply)));
    if (data.includes(null)) await this.#redis.assertMaster();
    return data;
  }

  /** One round trip. @returns 0 also for a missing key, −1 for one that holds no text. @throws RedisError. */
  async lengths(keys: readonly string[]): Promise<number[]> {
    const replies = await this.#redis.replies((commands) => {
      for (const key of keys) commands.strlen(key);
    });
    return replies.map((reply) => (isOfAnotherType(reply) ? -1 : lengthOf(reply)));
  }

  /** One round trip. @returns milliseconds, null for a key without an end or a missing one. @throws RedisError. */
  async lifetimes(keys: readonly string[]): Promise<(number | null)[]> {
    const answers = await this.#redis.pipeline((commands) => {
      for (const key of keys) commands.pttl(key);
    });
    return answers.map((answer) => {
      const leftMs = asInteger(answer, 'PTTL');
      return leftMs < 0 ? null : leftMs;
    });
  }

  /** One round trip; a missing key stays absent. @throws RedisError. */
  async keep(keys: readonly string[], ms: number): Promise<void> {
    await this.#redis.pipeline((commands) => {
      for (const key of keys) commands.pexpire(key, ms);
    });
  }

  /** One round trip. @throws RedisError. */
  async exist(keys: readonly string[]): Promise<boolean[]> {
    const answers = await this.#redis.pipeline((commands) => {
      for (const key of keys) commands.exists(key);
    });
    return answers.map((answer) => asOneOf(answer, [0, 1], 'EXISTS') === 1);
  }

  /** All keys of chunks, in pages and in no order; one may come twice. @throws RedisError. */
  async *keys(): AsyncGenerator<string[], void, undefined> {
    let cursor = '0';
    do {
      const from = cursor;
      const [answer] = await this.#redis.pipeline((commands) =>
        commands.scan(from, 'MATCH', 'gitlab:ci:trace:*:chunks:*', 'COUNT', 1_000),
      );
      const [next, keys] = asList(answer, 2, 'SCAN') as [string, string[]];
      yield keys;
      cursor = next;
    } while (cursor !== '0');
  }

  /**
   * Removes each chunk that still equals the archived one, compared and removed in one step.
   * @returns false for a chunk that has changed and stays; true also for a missing one.
   */
  async removeUnchanged(chunks: readonly ArchivedBytes[]): Promise<boolean[]> {
    const calls = chunks.map(({ key, sizeBytes, sha1 }) => ({ key, args: [sizeBytes, sha1] }));
    const answers = await this.#redis.runScript(unlinkIfUnchanged, calls);
    return answers.map((answer) => asOneOf(answer, [1, 0, -1], 'a script') !== -1);
  }
}

/** GitLab's own reader fails on it as well: no trace's bytes are there, and others' are not held up by it. */
const isOfAnotherType = (reply: unknown): boolean =>
  reply instanceof RedisError && / WRONGTYPE /.test(reply.message);

function bytesOf(reply: unknown): Buffer | null {
  if (reply instanceof RedisError) throw reply;
  return asBytesOrNil(reply, 'GET');
}

function lengthOf(reply: unknown): number {
  if (reply instanceof RedisError) throw reply;
  return asInteger(reply, 'STRLEN');
}
