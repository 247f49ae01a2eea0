/** A quota that an operator may set for a client of Kafka: it limits the bytes that a broker sends to it. */
import { join } from 'node:path';
import { javaTool } from '../../../ops/local/fetch/java';
import { runCommand } from '../../../ops/local/fetch/run-command';
import type { Scenario } from '../scenario/scenario';
import { placeOf } from './stack';

/** @param bytesPerSecond null removes the quota. */
export async function setFetchQuota(
  { stack }: Scenario,
  clientId: string,
  bytesPerSecond: number | null,
): Promise<void> {
  const change =
    bytesPerSecond === null
      ? ['--delete-config', 'consumer_byte_rate']
      : ['--add-config', `consumer_byte_rate=${bytesPerSecond}`];
  const args = [
    ...[
      '-Xmx128m',
      '-cp',
      join(placeOf(stack).files.kafkaLibs, '*'),
      'org.apache.kafka.tools.ConfigCommand',
    ],
    ...['--bootstrap-server', stack.addresses.kafkaBrokers, '--alter', ...change],
    ...['--entity-type', 'clients', '--entity-name', clientId],
  ];
  await runCommand(javaTool('java'), args, { timeoutMs: 60_000 });
}
