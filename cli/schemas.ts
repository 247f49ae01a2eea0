/** `afterbuild schemas register`: registers the schemas of our own topics. */
import type { Command } from 'commander';
import { openRegistry } from '../lib/avro/open-registry';
import { RegistryUnavailableError, type Registry } from '../lib/avro/registry';
import { loadSchema } from '../lib/avro/schema-file';
import { topics } from '../lib/kafka/topics/topics';
import { loadConfig, schemasSchema } from '../lib/process/config';
import { action } from './action';
import { exitCodes, type ExitCode } from './exit-codes';
import { httpOf, reach } from './reach';
import { jsonOption, printProgress, printResult, type OutputOptions } from './output';

/** A registry that has just started takes many seconds for its first schema. */
const firstSchemaMs = 30_000;

interface RegisteredSchema {
  readonly subject: string;
  readonly id: number;
}

export function addSchemasCommand(program: Command): void {
  program
    .command('schemas')
    .description('the Avro schemas of the topics')
    .command('register')
    .description('register each schema at <topic>-value, BACKWARD_TRANSITIVE; safe to repeat')
    .option(...jsonOption)
    .action(action(register));
}

async function register(options: OutputOptions, signal: AbortSignal): Promise<ExitCode> {
  const config = loadConfig(schemasSchema, process.env);
  const registry = openRegistry(config, { timeoutMs: firstSchemaMs });
  const { SCHEMA_REGISTRY_URL: url } = config;
  // Any answer is enough: a refusal comes back as the answer to the first schema.
  await reach(httpOf('The schema registry', 'SCHEMA_REGISTRY_URL', url), () =>
    fetch(`${url.replace(/\/+$/, '')}/subjects`, { signal }).catch((error: unknown) => {
      throw new RegistryUnavailableError('no answer', { cause: error });
    }),
  );
  const registered = await registerSchemas(
    registry,
    config.AFTERBUILD_NAMESPACE,
    signal,
    printProgress,
  );
  printResult(
    options,
    registered,
    registered.map(({ subject, id }) => `${subject}  id ${id}`),
  );
  return exitCodes.ok;
}

/** One after the other: then a refusal names one subject, and the schemas before it stay registered. */
export async function registerSchemas(
  registry: Registry,
  namespace: string,
  signal: AbortSignal,
  report: (line: string) => void = () => undefined,
): Promise<RegisteredSchema[]> {
  const registered: RegisteredSchema[] = [];
  for (const { name, schema } of topics) {
    if (schema === null) continue;
    signal.throwIfAborted();
    const subject = `${namespace}${name}-value`;
    report(`registering ${subject}`);
    registered.push({ subject, id: await registry.register(subject, loadSchema(schema)) });
  }
  return registered;
}
