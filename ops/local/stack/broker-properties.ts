/** The settings of a broker of the local stack, alone or as one of three. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { authorityFile, kafkaPassword, scramLogin } from './kafka-access';
import { brokerKeyStore } from './kafka-tls';
import { brokersOf, shapeOf, type BrokerName, type Place } from './server';

export const nodeId = (name: BrokerName): number => (name === 'kafka' ? 1 : Number(name.slice(-1)));

const controllerPorts = {
  kafka: 'kafkaController',
  kafka2: 'kafkaController2',
  kafka3: 'kafkaController3',
} as const;

const controllerOf = (place: Pick<Place, 'ports'>, name: BrokerName): string =>
  `127.0.0.1:${place.ports[controllerPorts[name]]}`;

export const brokerLogDir = (place: Pick<Place, 'dataDir' | 'shape'>, name: BrokerName): string =>
  shapeOf(place).brokers === 1
    ? join(place.dataDir, 'kafka')
    : join(place.dataDir, 'kafka', String(nodeId(name)));

type Described = Pick<Place, 'dataDir' | 'ports' | 'shape'>;

/** docker-compose.yml has the same settings as the one broker (ops/docker/compose.test.ts). */
export function brokerProperties(place: Described, name: BrokerName = 'kafka'): string {
  const { brokers, isSecure } = shapeOf(place);
  const protocol = isSecure ? 'SASL_SSL' : 'PLAINTEXT';
  const address = `${protocol}://127.0.0.1:${place.ports[name]}`;
  const voters = brokersOf(place).map((one) => `${nodeId(one)}@${controllerOf(place, one)}`);
  return `process.roles=broker,controller
node.id=${nodeId(name)}
controller.quorum.voters=${voters.join(',')}
controller.listener.names=CONTROLLER
listeners=${address},CONTROLLER://${controllerOf(place, name)}
advertised.listeners=${address}
listener.security.protocol.map=CONTROLLER:${protocol},${protocol}:${protocol}
inter.broker.listener.name=${protocol}
log.dirs=${brokerLogDir(place, name)}

${brokers === 1 ? ofOne : ofThree}
offsets.topic.num.partitions=10
transaction.state.log.num.partitions=10

auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
${isSecure ? security(place) : ''}`;
}

const ofOne = `# One node: the defaults of 3 and 2 would wait for brokers that never come.
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1

# One node has nobody to hand its partitions to. A controlled shutdown would take their leader away while it
# still commits transactions: it skips the markers of partitions without a leader, and such a transaction
# hangs for ever. In connect.offsets it would hide the positions of all connectors.
controlled.shutdown.enable=false
`;

const ofThree = `# As in production: what is acknowledged is on two brokers at least.
default.replication.factor=3
min.insync.replicas=2
offsets.topic.replication.factor=3
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
`;

/**
 * Brokers among themselves, controllers included, are the super user; SCRAM's users are in the log that controllers
 * need first.
 */
function security(place: Described): string {
  const { dataDir } = place;
  const { store, passwordFile } = brokerKeyStore(dataDir);
  const admin = kafkaPassword(dataDir, 'admin');
  const plainLogin = 'org.apache.kafka.common.security.plain.PlainLoginModule';
  return `
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:admin
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
sasl.mechanism.controller.protocol=PLAIN
listener.name.controller.sasl.enabled.mechanisms=PLAIN
listener.name.controller.plain.sasl.jaas.config=${plainLogin} required username="admin" password="${admin}" user_admin="${admin}";
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=${scramLogin('admin', admin)}
ssl.keystore.type=PKCS12
ssl.keystore.location=${store}
ssl.keystore.password=${readFileSync(passwordFile, 'utf8').trim()}
ssl.truststore.type=PEM
ssl.truststore.location=${authorityFile(dataDir)}
`;
}
