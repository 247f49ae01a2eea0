/** Kafka's own command line tools, on a stack that is up: what is fetched has their jars, and no scripts. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../lib/process/root';
import { javaTool } from './fetch/java';
import { asProperties, javaClientSettings, kafkaAddresses } from './stack/kafka-access';
import type { Place } from './stack/server';
import { ServerError } from './stack/server-process';
import { readStackFile } from './stack/stack-file';

/** By the name of Kafka's script, without `kafka-` and `.sh`. */
const tools: ReadonlyMap<string, string> = new Map([
  ['acls', 'AclCommand'],
  ['configs', 'ConfigCommand'],
  ['console-consumer', 'consumer.ConsoleConsumer'],
  ['consumer-groups', 'consumer.group.ConsumerGroupCommand'],
  ['get-offsets', 'GetOffsetShell'],
  ['leader-election', 'LeaderElectionCommand'],
  ['reassign-partitions', 'reassign.ReassignPartitionsCommand'],
  ['topics', 'TopicCommand'],
]);

export const kafkaToolNames: readonly string[] = [...tools.keys()];

/** The super user's login, in a file for its owner alone: a password in the arguments would be seen by everybody. */
function loginOf(place: Place): readonly string[] {
  const settings = javaClientSettings(place, 'admin');
  if (Object.keys(settings).length === 0) return [];
  const file = join(place.dataDir, 'config', 'kafka-tool.properties');
  writeFileSync(file, asProperties(settings), { mode: 0o600 });
  return ['--command-config', file];
}

/**
 * Runs it in this terminal, with the stack's address and login before the given arguments.
 * @param name one of `kafkaToolNames`.
 * @returns the tool's exit code.
 * @throws ServerError when the folder describes no stack.
 */
export async function runKafkaTool(
  dataDir: string,
  name: string,
  args: readonly string[],
): Promise<number> {
  const place = readStackFile(dataDir)?.place;
  if (place === undefined) throw new ServerError(`No stack is described in ${dataDir}.`);
  const logging = join(projectRoot, 'ops/local/servers/log4j2.xml');
  const child = spawn(
    javaTool('java'),
    [
      ...['-Xmx256m', `-Dlog4j2.configurationFile=${logging}`],
      ...['-cp', join(place.files.kafkaLibs, '*'), `org.apache.kafka.tools.${tools.get(name)}`],
      ...['--bootstrap-server', kafkaAddresses(place), ...loginOf(place), ...args],
    ],
    { stdio: 'inherit' },
  );
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}
