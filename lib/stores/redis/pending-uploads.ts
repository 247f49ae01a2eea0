/** GitLab's list of uploads in progress: objects that clients write straight into the bucket; no row claims them yet. */
import { readFileSync } from 'node:fs';
import { Redis, ReplyError } from 'ioredis';
import { type Connections, ConfigError, readSecret } from '../../process/config';
import { RedisError } from './errors';
import { asList } from './replies';

/** A hash of GitLab's shared-state Redis; the field is `artifacts:<key>`, the value unix seconds. */
const pendingUploadsKey = 'pending_direct_uploads';
const answerLimitMs = 10_000;

type RedisVariables = Pick<
  Connections,
  | 'REDIS_HOST'
  | 'REDIS_PORT'
  | 'REDIS_DB'
  | 'REDIS_USERNAME'
  | 'REDIS_PASSWORD_FILE'
  | 'REDIS_TLS_CA_FILE'
>;

export class RedisPendingUploads {
  readonly #redis: Redis;
  readonly #address: string;
  #lastError: Error | undefined;

  /** @throws ConfigError when a file that the configuration names cannot be read. */
  constructor(config: RedisVariables) {
    const { REDIS_PASSWORD_FILE: passwordFile, REDIS_TLS_CA_FILE: caFile } = config;
    this.#address = `${config.REDIS_HOST}:${config.REDIS_PORT}`;
    this.#redis = new Redis({
      host: config.REDIS_HOST,
      port: config.REDIS_PORT,
      db: config.REDIS_DB,
      ...(config.REDIS_USERNAME === undefined ? {} : { username: config.REDIS_USERNAME }),
      ...(passwordFile === undefined
        ? {}
        : { password: readSecret('REDIS_PASSWORD_FILE', passwordFile) }),
      ...(caFile === undefined ? {} : { tls: { ca: readCertificate(caFile) } }),
      lazyConnect: true,
      connectTimeout: answerLimitMs,
      commandTimeout: answerLimitMs,
      maxRetriesPerRequest: 1,
    });
    this.#redis.on('error', (error: Error) => (this.#lastError = error));
  }

  /** Those of the keys whose upload is in progress. @throws RedisError when Redis does not answer, or refuses. */
  async pending(keys: readonly string[]): Promise<string[]> {
    if (keys.length === 0) return [];
    try {
      const fields = keys.map((key) => `artifacts:${key}`);
      const values = asList(
        await this.#redis.hmget(pendingUploadsKey, ...fields),
        fields.length,
        'HMGET',
      );
      return keys.filter((_, index) => values[index] !== null);
    } catch (error) {
      const reason = this.#lastError?.message ?? (error as Error).message;
      const isRefusal = error instanceof ReplyError || this.#lastError instanceof ReplyError;
      const does = isRefusal ? 'refuses' : 'does not answer';
      throw new RedisError(`Redis at ${this.#address} ${does}: ${reason}`, isRefusal, error);
    }
  }

  close(): void {
    this.#redis.disconnect();
  }
}

function readCertificate(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError(`REDIS_TLS_CA_FILE: the file ${path} cannot be read.`, { cause: error });
  }
}
