import {
  artifactDeleterSchema,
  connectionSchema,
  expiredArtifactsSchema,
  loadConfig,
} from '../../../lib/process/config';
import { defaultScope, stackEnvironment } from './stack-environment';

const addresses = {
  kafkaBrokers: '127.0.0.1:1',
  connectUrl: 'http://127.0.0.1:2',
  registryUrl: 'http://127.0.0.1:3/apis/ccompat/v7',
  postgres: {
    host: '127.0.0.1',
    port: 4,
    superuser: 'postgres',
    superuserPasswordFile: '/data/secrets/postgres-superuser',
    systemIdentifier: '7',
  },
  redis: { host: '127.0.0.1', port: 5, passwordFile: '/data/secrets/redis' },
  s3: {
    endpoint: 'http://127.0.0.1:6',
    region: 'us-east-1',
    accessKeyIdFile: '/data/secrets/s3-access-key-id',
    secretAccessKeyFile: '/data/secrets/s3-secret-access-key',
  },
};
const stack = { dataDir: '/data', addresses };

it('is a complete configuration of every process', () => {
  for (const schema of [connectionSchema, expiredArtifactsSchema, artifactDeleterSchema]) {
    expect(() => loadConfig(schema, stackEnvironment(stack, 'deleter'))).not.toThrow();
  }
});

it('logs in with the role that was asked for, by a file', () => {
  expect(stackEnvironment(stack, 'reader')).toMatchObject({
    POSTGRES_USER: 'afterbuild_reader',
    POSTGRES_PASSWORD_FILE: '/data/secrets/postgres-reader',
  });
});

it('keeps to the scope that was asked for', () => {
  const scope = { ...defaultScope, database: 'mine', namespace: 'team-a.' };
  expect(stackEnvironment(stack, 'deleter', scope)).toMatchObject({
    POSTGRES_DATABASE: 'mine',
    AFTERBUILD_NAMESPACE: 'team-a.',
  });
});
