/** A Kafka broker in KRaft mode, controller included. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../../lib/process/root';
import { brokerLogDir, brokerProperties, nodeId } from './broker-properties';
import { asJavaProperties, writeFileAtomically } from './data-folder';
import { javaTool } from '../fetch/java';
import { kafkaPassword, localKafka, logins } from './kafka-access';
import { runCommand } from '../fetch/run-command';
import { serverLocale } from './server-process';
import { shapeOf, type BrokerName, type Command, type Place, type Server } from './server';

const propertiesFile = (place: Place, name: BrokerName): string =>
  join(place.dataDir, 'config', `${name}.properties`);

const brokerLibs = ({ files }: Place): string => files.brokerLibs ?? files.kafkaLibs;

/** Arguments that brokers and Connect share. */
export function kafkaJvm(
  place: Place,
  heap: string,
  libs: string = place.files.kafkaLibs,
): string[] {
  return [
    heap,
    '-Djava.awt.headless=true',
    '-XX:+ExitOnOutOfMemoryError',
    `-Dlog4j2.configurationFile=${join(projectRoot, 'ops/local/servers/log4j2.xml')}`,
    '-cp',
    join(libs, '*'),
  ];
}

/** The same for all brokers; it has the shape of 16 random bytes in base64url. */
function clusterId({ dataDir }: Place): string {
  const file = join(dataDir, 'config', 'kafka-cluster-id');
  if (!existsSync(file)) {
    writeFileAtomically(file, randomBytes(16).toString('base64url').replace(/^-/, 'a'));
  }
  return readFileSync(file, 'utf8');
}

/** Passwords of the users whom the brokers know from the start. */
const scramUsers = ({ dataDir }: Place): string[] =>
  logins.flatMap((login) => [
    '--add-scram',
    `SCRAM-SHA-512=[name=${login},password=${kafkaPassword(dataDir, login)}]`,
  ]);

async function formatStorage(place: Place, name: BrokerName, signal?: AbortSignal): Promise<void> {
  const format = ['format', '-t', clusterId(place), '-c', propertiesFile(place, name)];
  const users = shapeOf(place).isSecure ? scramUsers(place) : [];
  const args = [
    ...kafkaJvm(place, '-Xmx128m', brokerLibs(place)),
    'kafka.tools.StorageTool',
    ...format,
    ...users,
  ];
  // Read from a file: every user can read a list of processes.
  const file = join(place.dataDir, 'config', `${name}.format`);
  writeFileAtomically(file, args.map((arg) => `"${arg}"\n`).join(''), 0o600);
  try {
    await runCommand(javaTool('java'), [`@${file}`], {
      timeoutMs: 120_000,
      env: serverLocale,
      signal,
    });
  } finally {
    rmSync(file);
  }
}

async function answersMetadata(place: Place, name: BrokerName): Promise<boolean> {
  const admin = localKafka(place, { brokers: `127.0.0.1:${place.ports[name]}` }).admin();
  try {
    await admin.connect();
    const { brokers } = await admin.describeCluster();
    return brokers.some((broker) => broker.nodeId === nodeId(name));
  } catch {
    return false;
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

/** Three brokers share a machine that has other work. */
const heapOf = (place: Place): string => (shapeOf(place).brokers === 1 ? '-Xmx512m' : '-Xmx384m');

export const broker = (name: BrokerName): Server => ({
  title: name === 'kafka' ? 'Kafka' : `Kafka's broker ${nodeId(name)}`,
  async configure(place, signal) {
    const properties = asJavaProperties(brokerProperties(place, name));
    writeFileAtomically(propertiesFile(place, name), properties, 0o600);
    const logDir = brokerLogDir(place, name);
    if (existsSync(join(logDir, 'meta.properties'))) return;
    mkdirSync(logDir, { recursive: true });
    await formatStorage(place, name, signal);
  },
  start(place): Command {
    const args = [
      ...kafkaJvm(place, heapOf(place), brokerLibs(place)),
      'kafka.Kafka',
      propertiesFile(place, name),
    ];
    return { file: javaTool('java'), args };
  },
  ready: (place) => answersMetadata(place, name),
  stop: { signal: 'SIGTERM', graceMs: 60_000 },
});
