/** The variables of lib/process/config.ts for a process that should use a local stack. */
import { join } from 'node:path';
import { connectSecretsDir, secretFile, type SecretName } from './data-folder';
import { kafkaPasswordFile, type Login } from './kafka-access';
import type { RunningStack } from './running-stack';

/** The database's login roles (schemas/sql/0001-roles.sql), by their use. */
const logins = {
  superuser: { user: 'postgres', secret: 'postgres-superuser' },
  gitlab: { user: 'gitlab', secret: 'postgres-gitlab' },
  cdc: { user: 'afterbuild_cdc', secret: 'postgres-cdc' },
  reader: { user: 'afterbuild_reader', secret: 'postgres-reader' },
  deleter: { user: 'afterbuild_deleter', secret: 'postgres-deleter' },
  archiver: { user: 'afterbuild_archiver', secret: 'postgres-archiver' },
} as const satisfies Record<string, { user: string; secret: SecretName }>;

export type DatabaseRole = keyof typeof logins;

/** The databases, buckets and topics of the stack; each test has its own. */
export interface StackScope {
  readonly database: string;
  readonly bucket: string;
  /** `key=value`, the tag that identifies the bucket. */
  readonly bucketTag: string;
  /** Before each topic's name, for example `team-a.`; empty by default. */
  readonly namespace?: string;
}

export const defaultScope: StackScope = {
  database: 'gitlabhq_production',
  bucket: 'gitlab-artifacts',
  bucketTag: 'afterbuild=local',
};

/**
 * @param login for Kafka, where it asks for one.
 * @returns no secret, only the paths of the files that hold them.
 */
export function stackEnvironment(
  stack: Pick<RunningStack, 'dataDir' | 'addresses'>,
  role: DatabaseRole,
  scope: StackScope = defaultScope,
  login: Login = 'operator',
): Record<string, string> {
  const { addresses, dataDir } = stack;
  const { user, secret } = logins[role];
  return {
    AFTERBUILD_NAMESPACE: scope.namespace ?? '',
    POSTGRES_HOST: addresses.postgres.host,
    POSTGRES_PORT: String(addresses.postgres.port),
    POSTGRES_DATABASE: scope.database,
    POSTGRES_USER: user,
    POSTGRES_PASSWORD_FILE: secretFile(dataDir, secret),
    POSTGRES_SYSTEM_IDENTIFIER: addresses.postgres.systemIdentifier,
    KAFKA_BROKERS: addresses.kafkaBrokers,
    ...(addresses.kafkaAuthorityFile !== undefined && {
      KAFKA_TLS_CA_FILE: addresses.kafkaAuthorityFile,
      KAFKA_SASL_MECHANISM: 'scram-sha-512',
      KAFKA_SASL_USERNAME: login,
      KAFKA_SASL_PASSWORD_FILE: kafkaPasswordFile(dataDir, login),
    }),
    SCHEMA_REGISTRY_URL: addresses.registryUrl,
    REDIS_HOST: addresses.redis.host,
    REDIS_PORT: String(addresses.redis.port),
    REDIS_PASSWORD_FILE: addresses.redis.passwordFile,
    S3_ENDPOINT: addresses.s3.endpoint,
    S3_REGION: addresses.s3.region,
    S3_BUCKET: scope.bucket,
    S3_BUCKET_TAG: scope.bucketTag,
    S3_ACCESS_KEY_ID_FILE: addresses.s3.accessKeyIdFile,
    S3_SECRET_ACCESS_KEY_FILE: addresses.s3.secretAccessKeyFile,
    S3_FORCE_PATH_STYLE: 'true',
    CONNECT_URL: addresses.connectUrl,
    CDC_PASSWORD_PROPERTIES_FILE: join(connectSecretsDir(dataDir), 'cdc.properties'),
    CDC_HEARTBEAT_MS: '1000',
  };
}
