/** The Kafka broker: one node in KRaft mode, controller included. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { quietRequestQueue } from '../../lib/kafka/quiet-request-queue';
import { projectRoot } from '../../lib/process/root';
import { writeFileAtomically } from './data-folder';
import { javaTool } from './java';
import { runCommand } from './run-command';
import type { Command, Place, Server } from './server';

const propertiesFile = (place: Place): string => join(place.dataDir, 'config/kafka.properties');
const logDir = (place: Pick<Place, 'dataDir'>): string => join(place.dataDir, 'kafka');

/** Arguments that broker and Connect share. */
export function kafkaJvm(place: Place, heap: string): string[] {
  return [
    heap,
    '-Djava.awt.headless=true',
    '-XX:+ExitOnOutOfMemoryError',
    `-Dlog4j2.configurationFile=${join(projectRoot, 'ops/local/servers/log4j2.xml')}`,
    '-cp',
    join(place.files.kafkaLibs, '*'),
  ];
}

/** docker-compose.yml has the same settings (ops/docker/compose.test.ts). */
export function brokerProperties(place: Pick<Place, 'dataDir' | 'ports'>): string {
  const { kafka, kafkaController } = place.ports;
  return `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${kafkaController}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:${kafka},CONTROLLER://127.0.0.1:${kafkaController}
advertised.listeners=PLAINTEXT://127.0.0.1:${kafka}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs=${logDir(place)}

# One node: the defaults of 3 and 2 would wait for brokers that never come.
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
offsets.topic.num.partitions=10
transaction.state.log.num.partitions=10

# One node has nobody to hand its partitions to. A controlled shutdown would take their leader away while it
# still commits transactions: it skips the markers of partitions without a leader, and such a transaction
# hangs for ever. In connect.offsets it would hide the positions of all connectors.
controlled.shutdown.enable=false

auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
`;
}

/** A cluster id has the shape of 16 random bytes in base64url. */
async function formatStorage(place: Place): Promise<void> {
  const clusterId = randomBytes(16).toString('base64url').replace(/^-/, 'a');
  const format = ['format', '-t', clusterId, '-c', propertiesFile(place)];
  await runCommand(
    javaTool('java'),
    [...kafkaJvm(place, '-Xmx128m'), 'kafka.tools.StorageTool', ...format],
    { timeoutMs: 120_000 },
  );
}

async function answersMetadata(place: Place): Promise<boolean> {
  quietRequestQueue();
  const admin = new Kafka({
    clientId: 'afterbuild-local',
    brokers: [`127.0.0.1:${place.ports.kafka}`],
    logLevel: logLevel.NOTHING,
    connectionTimeout: 1_000,
    requestTimeout: 2_000,
    retry: { retries: 0 },
  }).admin();
  try {
    await admin.connect();
    return (await admin.describeCluster()).brokers.length > 0;
  } catch {
    return false;
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

export const kafka: Server = {
  title: 'Kafka',
  async configure(place) {
    writeFileAtomically(propertiesFile(place), brokerProperties(place));
    if (!existsSync(join(logDir(place), 'meta.properties'))) await formatStorage(place);
  },
  start(place): Command {
    const args = [...kafkaJvm(place, '-Xmx512m'), 'kafka.Kafka', propertiesFile(place)];
    return { file: javaTool('java'), args };
  },
  ready: answersMetadata,
  stop: { signal: 'SIGTERM', graceMs: 60_000 },
};
