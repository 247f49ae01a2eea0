/**
 * The step `prepare` of docker-compose.yml: sets up empty servers for the pipeline, and writes down which database
 * cluster was made. Safe to repeat.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { z } from 'zod';
import {
  connectionSchema,
  connectSchema,
  loadConfig,
  readSecret,
  type Environment,
} from '../../lib/process/config';
import { exitCodeOf } from '../../lib/service/exit-code-of';
import { applySourceSchema } from '../gitlab/schema';
import { makeBucket } from '../local/connected-gitlab';
import { superuser } from '../local/stack/postgres';
import { runAfterbuild } from '../local/prepare';

const variables = connectSchema.omit({ POSTGRES_USER: true, POSTGRES_PASSWORD_FILE: true }).extend({
  ...connectionSchema.pick({
    KAFKA_BROKERS: true,
    S3_ENDPOINT: true,
    S3_REGION: true,
    S3_BUCKET: true,
    S3_BUCKET_TAG: true,
  }).shape,
  S3_ENDPOINT: z.url(),
  S3_ACCESS_KEY_ID_FILE: z.string(),
  S3_SECRET_ACCESS_KEY_FILE: z.string(),
  /** One file for each password, with the names of ops/local/stack/data-folder.ts. */
  SECRETS_DIR: z.string(),
  /** Gets the file `system-identifier`, which the processes read. */
  STATE_DIR: z.string().default('/var/lib/afterbuild'),
});

type Config = z.output<typeof variables>;

const log = (line: string): void => console.log(line);

/** @throws Error with the reason; steps that succeeded stay, and the next run leaves them alone. */
async function prepare(environment: Environment): Promise<void> {
  const config = loadConfig(variables, environment);
  const admin = {
    host: config.POSTGRES_HOST,
    port: config.POSTGRES_PORT,
    user: superuser,
    password: secret(config, 'postgres-superuser'),
  };
  const database = config.POSTGRES_DATABASE;
  await applySourceSchema(admin, { database, passwords: passwordsOf(config) });
  log(`database ${database} has GitLab's tables and the pipeline's roles`);
  await makeBucket({ addresses: { s3: s3Of(config) } }, bucketOf(config));
  log(`bucket ${config.S3_BUCKET} is there, tagged ${config.S3_BUCKET_TAG}`);

  const identifier = await systemIdentifier(admin);
  const given = Object.entries(environment).filter(([, value]) => value !== undefined);
  const common = {
    ...(Object.fromEntries(given) as Record<string, string>),
    POSTGRES_SYSTEM_IDENTIFIER: identifier,
  };
  await runAfterbuild(['topics', 'apply'], common);
  log('topics are there');
  await runAfterbuild(['schemas', 'register'], common);
  log('schemas are registered');
  await runAfterbuild(['connect', 'apply'], {
    ...common,
    POSTGRES_USER: 'afterbuild_cdc',
    POSTGRES_PASSWORD_FILE: join(config.SECRETS_DIR, 'postgres-cdc'),
  });
  log('the connector streams');
  // Last: from now on the processes may start, and only against this cluster.
  const target = join(config.STATE_DIR, 'system-identifier');
  writeFileSync(`${target}.new`, `${identifier}\n`);
  renameSync(`${target}.new`, target);
  log(`the cluster is ${identifier}`);
}

const secret = (config: Config, name: string): string =>
  readSecret('SECRETS_DIR', join(config.SECRETS_DIR, name));

const passwordsOf = (config: Config) => ({
  gitlab: secret(config, 'postgres-gitlab'),
  afterbuild_cdc: secret(config, 'postgres-cdc'),
  afterbuild_reader: secret(config, 'postgres-reader'),
  afterbuild_deleter: secret(config, 'postgres-deleter'),
  afterbuild_archiver: secret(config, 'postgres-archiver'),
});

const s3Of = (config: Config) => ({
  endpoint: config.S3_ENDPOINT,
  region: config.S3_REGION,
  accessKeyIdFile: config.S3_ACCESS_KEY_ID_FILE,
  secretAccessKeyFile: config.S3_SECRET_ACCESS_KEY_FILE,
});

const bucketOf = (config: Config) => ({
  bucket: config.S3_BUCKET,
  bucketTag: config.S3_BUCKET_TAG,
});

async function systemIdentifier(admin: object): Promise<string> {
  const client = new Client({ ...admin, database: superuser, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    const answer = await client.query<{ id: string }>(
      'SELECT system_identifier::text AS id FROM pg_control_system()',
    );
    return answer.rows[0]?.id ?? '';
  } finally {
    await client.end();
  }
}

if (require.main === module) {
  prepare(process.env).catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = exitCodeOf(error);
  });
}
