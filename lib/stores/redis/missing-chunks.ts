/**
 * How often, and since when, chunks of a trace have been missing: a chunk is given up only when it
 * cannot come back. Kept in Redis, where losing it costs only more waiting.
 */
import { loadScript, type RedisConnection } from './connection';
import { RedisError } from './errors';
import { asInteger, asList } from './replies';

interface MissingSince {
  readonly reads: number;
  readonly firstMs: number;
}

/** Longer than GitLab keeps a live chunk at all. */
const rememberMs = 10 * 86_400_000;
const noteMissing = loadScript('note-missing');

export const missingPrefix = 'afterbuild:trace:missing:';
const keyOf = (partitionId: number, buildId: number): string =>
  `${missingPrefix}${partitionId}:${buildId}`;

export class RedisMissingChunks {
  readonly #redis: RedisConnection;

  constructor(redis: RedisConnection) {
    this.#redis = redis;
  }

  /**
   * Counts this read. @param indexes of the chunks that no store had, in order.
   * @returns undefined when Redis is full and cannot remember it. @throws RedisError.
   */
  async note(
    build: { readonly partitionId: number; readonly buildId: number },
    indexes: readonly number[],
    nowMs: number,
  ): Promise<MissingSince | undefined> {
    const key = keyOf(build.partitionId, build.buildId);
    const args = [indexes.join(','), nowMs, rememberMs];
    const answer = await this.#redis.runScript(noteMissing, [{ key, args }]).then(
      ([one]) => one,
      (error: unknown) => {
        if (error instanceof RedisError && error.isFull) return undefined;
        throw error;
      },
    );
    if (answer === undefined) return undefined;
    const [reads, firstMs] = asList(answer, 2, 'a script');
    return { reads: asInteger(reads, 'a script'), firstMs: asInteger(firstMs, 'a script') };
  }

  async forget(build: { readonly partitionId: number; readonly buildId: number }): Promise<void> {
    await this.#redis.pipeline((commands) =>
      commands.unlink(keyOf(build.partitionId, build.buildId)),
    );
  }
}
