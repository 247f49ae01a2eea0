/** Kafka Connect with Debezium's PostgreSQL connector and the Avro converter; it creates no connector. */
import { join } from 'node:path';
import { asJavaProperties, connectSecretsDir, writeFileAtomically } from './data-folder';
import { javaTool } from '../fetch/java';
import { kafkaJvm } from './kafka';
import { asProperties, javaClientSettings, kafkaAddresses } from './kafka-access';
import { connectGroup } from './kafka-rights';
import { answersHttp, shapeOf, type Command, type Place, type Server } from './server';

const propertiesFile = (place: Place): string => join(place.dataDir, 'config/connect.properties');

export const connectUrl = (place: Place): string => `http://127.0.0.1:${place.ports.connect}`;

/** ops/docker/connect.properties has the same settings (ops/docker/compose.test.ts). */
export function workerProperties(place: Place): string {
  const replicas = shapeOf(place).brokers;
  const converter = 'io.apicurio.registry.utils.converter.AvroConverter';
  return `bootstrap.servers=${kafkaAddresses(place)}
group.id=${connectGroup}
# After its broker was away a worker joins as a new one, and Connect would wait five minutes for the old one.
scheduled.rebalance.max.delay.ms=5000
listeners=${connectUrl(place)}
rest.advertised.host.name=127.0.0.1
plugin.path=${place.files.connectPlugins}
# Needs the manifests that the fetch has made; scanning the jars instead doubles the start.
plugin.discovery=service_load
connector.client.config.override.policy=All
topic.creation.enable=true

config.storage.topic=connect.configs
config.storage.replication.factor=${replicas}
offset.storage.topic=connect.offsets
offset.storage.replication.factor=${replicas}
offset.storage.partitions=1
offset.flush.interval.ms=5000
status.storage.topic=connect.status
status.storage.replication.factor=${replicas}
status.storage.partitions=1
exactly.once.source.support=enabled

key.converter=${converter}
value.converter=${converter}
config.providers=file
config.providers.file.class=org.apache.kafka.common.config.provider.FileConfigProvider
config.providers.file.param.allowed.paths=${connectSecretsDir(place.dataDir)}
${loginSettings(place)}`;
}

/** The worker's own clients, and those that it makes for connectors. */
const loginSettings = (place: Place): string =>
  ['', 'producer.', 'consumer.', 'admin.']
    .map((prefix) => asProperties(javaClientSettings(place, 'connect', prefix)))
    .join('');

export const connect: Server = {
  title: 'Kafka Connect',
  configure(place) {
    writeFileAtomically(propertiesFile(place), asJavaProperties(workerProperties(place)), 0o600);
    return Promise.resolve();
  },
  start(place): Command {
    const main = 'org.apache.kafka.connect.cli.ConnectDistributed';
    const args = [...kafkaJvm(place, '-Xmx512m'), main, propertiesFile(place)];
    return { file: javaTool('java'), args };
  },
  ready: (place) => answersHttp(`${connectUrl(place)}/connectors`, 200),
  stop: { signal: 'SIGTERM', graceMs: 60_000 },
};
