import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { z } from 'zod';
import { topicsSchema } from '../kafka/topics/topics-config';
import {
  artifactDeleterSchema,
  connectionSchema,
  connectSchema,
  ConfigError,
  expiredArtifactsSchema,
  finishedBuildsSchema,
  loadConfig,
  readSecret,
  reconcileSchema,
  schemasSchema,
  traceArchiverSchema,
  uiSchema,
} from './config';
import { projectRoot } from './root';

const schemas = [
  connectionSchema,
  expiredArtifactsSchema,
  finishedBuildsSchema,
  artifactDeleterSchema,
  traceArchiverSchema,
  reconcileSchema,
  schemasSchema,
  topicsSchema,
  connectSchema,
  uiSchema,
];

/** Name and value of each line of `.env.example`, whether it is commented out or not. */
function exampleVariables(): [string, string][] {
  const text = readFileSync(join(projectRoot, '.env.example'), 'utf8');
  return [...text.matchAll(/^#?([A-Z][A-Z0-9_]+)=(.*)$/gm)].map(([, name = '', value = '']) => [
    name,
    value,
  ]);
}

test('.env.example names every variable, and no other', () => {
  const known = new Set(schemas.flatMap((schema) => Object.keys(schema.shape)));
  expect(
    exampleVariables()
      .map(([name]) => name)
      .sort(),
  ).toEqual([...known].sort());
});

test('.env.example is a configuration that every process accepts', () => {
  const environment = Object.fromEntries(exampleVariables());
  for (const schema of schemas) expect(() => loadConfig(schema, environment)).not.toThrow();
});

/** Fields whose example is only an example, since they have no default. */
const onlyExamples = ['AFTERBUILD_NAMESPACE', 'S3_BUCKET_PREFIX', 'AFTERBUILD_FAIL_POINT'];

test('the defaults that .env.example shows are the defaults', () => {
  const shown = Object.fromEntries(exampleVariables());
  for (const { shape } of schemas) {
    const fields = Object.entries<z.ZodType>(shape);
    for (const [name, field] of fields) {
      const fallback = field.safeParse(undefined);
      if (!fallback.success || fallback.data === undefined || onlyExamples.includes(name)) continue;
      expect({ [name]: field.parse(shown[name]) }).toEqual({ [name]: fallback.data });
    }
  }
});

test('all mistakes are reported together, by name and expectation, never by value', () => {
  const load = () =>
    loadConfig(connectionSchema, {
      ...Object.fromEntries(exampleVariables()),
      POSTGRES_HOST: '',
      POSTGRES_PORT: 'hunter2',
      KAFKA_BROKERS: 'hunter2',
    });
  expect(load).toThrow(ConfigError);
  expect(load).toThrow(
    /POSTGRES_HOST is missing; POSTGRES_PORT: .*; KAFKA_BROKERS: must be host:port/,
  );
  expect(load).not.toThrow(/hunter2/);
});

test.each([
  [
    'SCHEMA_REGISTRY_URL',
    'http://mona:hunter2@host',
    /SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD_FILE/,
  ],
  ['S3_ENDPOINT', 'https://hunter2@host', /S3_ACCESS_KEY_ID_FILE/],
  ['CONNECT_URL', 'http://:hunter2@host', /no variable for one yet/],
  ['POSTGRES_HOST', 'mona:hunter2@host', /must be a host, without a login/],
  ['REDIS_HOST', 'hunter2@host', /must be a host, without a login/],
])('a login in %s is refused, without being shown', (name, value, sentence) => {
  const load = () => loadConfig(connectionSchema, { [name]: value });
  expect(load).toThrow(sentence);
  expect(load).not.toThrow(/hunter2/);
});

describe('a secret', () => {
  const folder = mkdtempSync(join(tmpdir(), 'afterbuild-config-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  test('is read from its file without the line end', () => {
    writeFileSync(join(folder, 'password'), 'secret\n');
    expect(readSecret('X_FILE', join(folder, 'password'))).toBe('secret');
  });

  test.each(['empty', 'absent'])('whose file is %s is refused by the variable and path', (name) => {
    if (name === 'empty') writeFileSync(join(folder, name), '\n');
    expect(() => readSecret('X_FILE', join(folder, name))).toThrow(/^X_FILE: the file .*/);
  });
});
