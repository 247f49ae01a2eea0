/**
 * Checks the environment once and turns it into typed settings.
 *
 * Secrets come from files (`*_FILE`) so that they show neither in a process list nor in a crash dump of the
 * environment. All wrong variables are reported together, by name and expectation, never by value.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { connectUrl, count, host, port, registryUrl, s3Url, text } from './config-fields';

export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Addresses of the servers; the same for every process. */
export const connectionSchema = z.object({
  AFTERBUILD_NAMESPACE: z
    .string()
    .regex(/^([a-z0-9][a-z0-9-]*\.)?$/, 'must be empty or like "team-a."')
    .default(''),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  AFTERBUILD_FAIL_POINT: text.optional(),
  /** So many records in a row may go to retry or dead-letter topics; then the lanes hold instead. */
  FAILURES_IN_A_ROW_MAX: count(100),

  /** SASL PLAIN, or a password that PostgreSQL asks for in clear text, without TLS, to another machine. */
  CLEAR_TEXT_PASSWORDS: z.enum(['refuse', 'allow']).default('refuse'),

  POSTGRES_HOST: host,
  POSTGRES_PORT: port.default(5432),
  POSTGRES_DATABASE: text,
  POSTGRES_USER: text,
  POSTGRES_PASSWORD_FILE: text,
  POSTGRES_TLS_CA_FILE: text.optional(),
  POSTGRES_SYSTEM_IDENTIFIER: z
    .string()
    .regex(/^[0-9]{1,20}$/, 'must be the decimal number that pg_control_system() gives'),

  KAFKA_BROKERS: z
    .string()
    .regex(/^[^\s,:@]+:[0-9]+(,[^\s,:@]+:[0-9]+)*$/, 'must be host:port, separated by commas')
    .transform((brokers) => brokers.split(',')),
  KAFKA_TLS_CA_FILE: text.optional(),
  KAFKA_SASL_MECHANISM: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']).optional(),
  KAFKA_SASL_USERNAME: text.optional(),
  KAFKA_SASL_PASSWORD_FILE: text.optional(),
  /** Added partitions and new leaders are found within so long, without an operator. */
  KAFKA_METADATA_MAX_AGE_MS: count(30_000, 1_000, 300_000),

  SCHEMA_REGISTRY_URL: registryUrl,
  SCHEMA_REGISTRY_USERNAME: text.optional(),
  SCHEMA_REGISTRY_PASSWORD_FILE: text.optional(),

  REDIS_HOST: host,
  REDIS_PORT: port.default(6379),
  /** Number of the database within that Redis; GitLab's default is 0. */
  REDIS_DB: z.coerce.number().int().min(0).max(65_535).default(0),
  REDIS_USERNAME: text.optional(),
  REDIS_PASSWORD_FILE: text.optional(),
  REDIS_TLS_CA_FILE: text.optional(),

  S3_ENDPOINT: s3Url.optional(),
  S3_REGION: text.default('us-east-1'),
  S3_BUCKET: text,
  S3_BUCKET_PREFIX: z
    .string()
    .regex(/^([^/]+\/)*$/, 'must be empty or end with a slash')
    .default(''),
  S3_ACCESS_KEY_ID_FILE: text.optional(),
  S3_SECRET_ACCESS_KEY_FILE: text.optional(),
  S3_FORCE_PATH_STYLE: z.stringbool().default(false),
  /** Left out: the provider's limit. */
  S3_KEYS_PER_SECOND_MAX: z.coerce.number().int().min(1).max(1_000_000).optional(),
  S3_BUCKET_TAG: z
    .string()
    .regex(/^[^=]+=[^=]+$/, 'must be key=value, a tag that the bucket carries'),

  CONNECT_URL: connectUrl.optional(),
  /** How long a process that starts waits for a server that does not answer. */
  START_LIMIT_MS: count(60_000, 1_000, 3_600_000),
});

export type Connections = z.output<typeof connectionSchema>;

const redisVariables = {
  REDIS_HOST: true,
  REDIS_PORT: true,
  REDIS_DB: true,
  REDIS_USERNAME: true,
  REDIS_PASSWORD_FILE: true,
  REDIS_TLS_CA_FILE: true,
} as const;

const s3Variables = {
  S3_ENDPOINT: true,
  S3_REGION: true,
  S3_BUCKET: true,
  S3_BUCKET_PREFIX: true,
  S3_ACCESS_KEY_ID_FILE: true,
  S3_SECRET_ACCESS_KEY_FILE: true,
  S3_FORCE_PATH_STYLE: true,
  S3_KEYS_PER_SECOND_MAX: true,
  S3_BUCKET_TAG: true,
} as const;

/** Health endpoints, stall detection, shutdown deadline (lib/service/health.ts). */
const healthVariables = {
  HTTP_HOST: text.default('127.0.0.1'),
  /** Left out: no server. 0: any free port; the log names it. */
  HTTP_PORT: z.coerce.number().int().min(0).max(65_535).optional(),
  STALL_RED_MS: count(120_000, 1_000, 86_400_000),
  STALL_EXIT_MS: count(300_000, 2_000, 86_400_000),
  STOP_LIMIT_MS: count(15_000, 1_000, 600_000),
};

/** The replication slot whose changes a producer reads, and how often it checks that all of them still arrive. */
const streamVariables = {
  CDC_SLOT: text.default('afterbuild'),
  CDC_CONNECTOR: text.default('afterbuild'),
  /** A quarter of the minute within which a break must be reported: a row counts as missed after three checks. */
  CDC_WATCH_MS: count(15_000, 100, 3_600_000),
};

/** Settings of producers/expired-artifacts, which reaches neither the bucket nor Redis. */
const withoutStores = connectionSchema.omit({ ...redisVariables, ...s3Variables });
export const expiredArtifactsSchema = withoutStores.extend({
  ...healthVariables,
  SWEEP_PAGE_ROWS: count(5_000, 1, 50_000),
  SWEEP_MARGIN_MS: count(1_000, 0, 3_600_000),
  SWEEP_IDLE_MS: count(1_000, 10, 3_600_000),
  SWEEP_FULL_EVERY_MS: count(86_400_000, 1_000, 30 * 86_400_000),
  LOOP_LIMIT_ARTIFACTS: count(10_000, 1_000, 1_000_000),
  CHANGE_SLACK_MS: count(10_000, 0, 600_000),
  ...streamVariables,
});

/** Settings of producers/finished-builds, which reaches neither the bucket nor Redis. */
export const finishedBuildsSchema = withoutStores.extend({
  ...healthVariables,
  ...streamVariables,
  STALE_AGE_MS: count(12 * 3_600_000, 0, 30 * 86_400_000),
  STALE_EVERY_MS: count(600_000, 100, 86_400_000),
  STALE_PAGE_BUILDS: count(1_000, 1, 10_000),
  STALE_PAUSE_MS: count(50, 0, 60_000),
  STALE_IN_FLIGHT_MAX: count(10_000, 1, 1_000_000),
});

/** Settings of consumers/artifact-deleter. */
const withoutRedis = connectionSchema.omit({ ...redisVariables, CONNECT_URL: true });
export const artifactDeleterSchema = withoutRedis.extend({
  ...healthVariables,
  DELETE_CONCURRENCY: count(4, 1, 64),
  DELETE_ROWS_MAX: count(1_000, 1, 5_000),
  DELETIONS_PER_MINUTE_MAX: count(60_000_000, 1, 1_000_000_000),
  DELETE_DRY_RUN: z.stringbool().default(false),
});

/** The Redis of live chunks, where it is not the one of the shared state. */
const traceChunksRedis = {
  REDIS_TRACE_CHUNKS_HOST: host.optional(),
  REDIS_TRACE_CHUNKS_PORT: port.optional(),
  REDIS_TRACE_CHUNKS_DB: z.coerce.number().int().min(0).max(65_535).optional(),
  REDIS_TRACE_CHUNKS_USERNAME: text.optional(),
  REDIS_TRACE_CHUNKS_PASSWORD_FILE: text.optional(),
  REDIS_TRACE_CHUNKS_TLS_CA_FILE: text.optional(),
};

/** Settings of `afterbuild reconcile`. */
export const reconcileSchema = connectionSchema.extend(traceChunksRedis);

/** Settings of consumers/trace-archiver. */
export const traceArchiverSchema = connectionSchema.omit({ CONNECT_URL: true }).extend({
  ...healthVariables,
  ...traceChunksRedis,
  ARCHIVE_CONCURRENCY: count(4, 1, 64),
  ARCHIVE_SETTLE_MS: count(120_000, 0, 3_600_000),
  ARCHIVE_DOUBT_MS: count(86_400_000, 0, 7 * 86_400_000),
  ARCHIVE_LOST_AFTER_MS: count(86_400_000, 0, 7 * 86_400_000),
  ARCHIVE_LOST_READS: count(3, 1, 100),
  ARCHIVE_ADOPT_AFTER_MS: count(86_400_000, 0, 30 * 86_400_000),
  ARCHIVE_BYTES_MAX: count(209_715_200, 1, 5_000_000_000),
  ARCHIVE_SAVE_BEFORE_MS: count(86_400_000, 1_000, 6 * 86_400_000),
  ARCHIVE_KEEP_MS: count(7 * 86_400_000, 60_000, 30 * 86_400_000),
  ARCHIVE_KEEP_UNTIL_MS: count(30 * 86_400_000, 0, 365 * 86_400_000),
  ARCHIVE_HELD_BYTES_MAX: count(22_020_096, 20_971_520, 1_000_000_000),
  ARCHIVE_LEASE_MS: count(30_000, 1_000, 600_000),
  REDIS_GUARD_START_PERCENT: count(70, 1, 100),
  REDIS_GUARD_TTL_MS: count(2 * 86_400_000, 0, 7 * 86_400_000),
  REDIS_GUARD_LATENCY_MS: count(200, 1, 10_000),
  REDIS_GUARD_EVERY_MS: count(10_000, 100, 600_000),
  REDIS_GUARD_PASS_MS: count(600_000, 100, 86_400_000),
});

/** Settings of `afterbuild schemas`. */
export const schemasSchema = connectionSchema.pick({
  AFTERBUILD_NAMESPACE: true,
  CLEAR_TEXT_PASSWORDS: true,
  SCHEMA_REGISTRY_URL: true,
  SCHEMA_REGISTRY_USERNAME: true,
  SCHEMA_REGISTRY_PASSWORD_FILE: true,
});

/** Settings of `afterbuild flags` and `afterbuild status`. */
export const controlSchema = connectionSchema.pick({
  AFTERBUILD_NAMESPACE: true,
  KAFKA_BROKERS: true,
  KAFKA_TLS_CA_FILE: true,
  KAFKA_SASL_MECHANISM: true,
  CLEAR_TEXT_PASSWORDS: true,
  KAFKA_SASL_USERNAME: true,
  KAFKA_SASL_PASSWORD_FILE: true,
  SCHEMA_REGISTRY_URL: true,
  SCHEMA_REGISTRY_USERNAME: true,
  SCHEMA_REGISTRY_PASSWORD_FILE: true,
  START_LIMIT_MS: true,
});

/** Settings of `afterbuild ui`. */
export const uiSchema = controlSchema.extend({
  UI_HOST: host.default('127.0.0.1'),
  /** 0: any free port; the command prints it. */
  UI_PORT: z.coerce.number().int().min(0).max(65_535).default(9_465),
  UI_SHOW_VALUES: z.stringbool().default(false),
});

/** Settings of `afterbuild connect`: how this command reaches the database, and how the Connect workers do. */
export const connectSchema = connectionSchema
  .pick({
    AFTERBUILD_NAMESPACE: true,
    POSTGRES_HOST: true,
    POSTGRES_PORT: true,
    POSTGRES_DATABASE: true,
    POSTGRES_USER: true,
    CLEAR_TEXT_PASSWORDS: true,
    POSTGRES_PASSWORD_FILE: true,
    POSTGRES_TLS_CA_FILE: true,
    SCHEMA_REGISTRY_URL: true,
  })
  .extend({
    CONNECT_URL: connectUrl,
    KAFKA_REPLICATION_FACTOR: z.coerce.number().int().min(1).max(9).optional(),
    CDC_SLOT: text.default('afterbuild'),
    CDC_CONNECTOR: text.default('afterbuild'),
    CDC_PUBLICATION: text.default('afterbuild'),
    CDC_POSTGRES_HOST: text.optional(),
    CDC_POSTGRES_PORT: port.optional(),
    CDC_POSTGRES_USER: text.default('afterbuild_cdc'),
    /** On the workers: a properties file with the line `password=…`. */
    CDC_PASSWORD_PROPERTIES_FILE: text,
    /** Apicurio's own API; left out, it follows from SCHEMA_REGISTRY_URL. */
    CDC_REGISTRY_URL: connectUrl.optional(),
    CDC_HEARTBEAT_MS: count(5_000, 100, 600_000),
    CDC_APPLY_LIMIT_MS: count(120_000, 1_000, 3_600_000),
  });

/**
 * @param shape one of the schemas of this file.
 * @throws ConfigError that names every wrong or missing variable.
 */
export function loadConfig<S extends z.ZodObject>(shape: S, environment: Environment): z.output<S> {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const result = shape.safeParse(given);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => {
    const name = issue.path.join('.');
    return given[name] === undefined ? `${name} is missing` : `${name}: ${issue.message}`;
  });
  throw new ConfigError(`The configuration is not usable: ${problems.join('; ')}.`);
}

/** @throws ConfigError when the file cannot be read or is empty; the message names the path only. */
export function readSecret(variable: string, path: string): string {
  let secret: string;
  try {
    secret = readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw new ConfigError(`${variable}: the file ${path} cannot be read.`, { cause: error });
  }
  if (secret === '') throw new ConfigError(`${variable}: the file ${path} is empty.`);
  return secret;
}
