/**
 * Measures the time from the kill of a group's coordinator to the next accepted commit of each member, and how many
 * records are repeated. Three brokers, replication 3, two members in this process with idle handlers.
 */
import { createKafka, type KafkaConnections } from '../lib/kafka/kafkajs/create-kafka';
import type { Consumer } from '../lib/runtime/consumer';
import { done } from '../lib/runtime/outcome';
import { createConsumer } from '../lib/runtime/member/create-consumer';
import { systemClock as clock } from '../lib/process/clock';
import type { RunningStack, ServerHandle } from '../ops/local/stack/running-stack';
import { stackEnvironment } from '../ops/local/stack/stack-environment';
import type { Kafka } from 'kafkajs';
import { pino } from 'pino';
import { median, type Report } from './report';

const topic = 'bench.coordinator';
const group = 'bench.coordinator';
const partitions = 6;
const members = 2;
const recordEveryMs = 20;
/** By then a restarted broker is in sync again, or the round does not begin. */
const steadyMs = 5_000;
const roundLimitMs = 120_000;
const logger = pino({ level: process.env['BENCH_LOG'] ?? 'silent' });

export async function measureCoordinator(
  stack: RunningStack,
  report: Report,
  rounds: number,
): Promise<void> {
  const kafka = connect(stack);
  await createTopic(kafka);
  const timesDone = new Map<string, number>();
  const consumers = Array.from({ length: members }, () => createMember(kafka, timesDone));
  const trickle = await produceAlways(connect(stack));
  try {
    for (const consumer of consumers) await consumer.start();
    const seconds: number[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      await steady(consumers, Date.now());
      const doneBefore = repeated(timesDone);
      const broker = await coordinatorOf(kafka, stack);
      await broker.kill();
      const killedAtMs = Date.now();
      const tookMs = await steady(consumers, killedAtMs);
      seconds.push(tookMs / 1_000);
      await broker.start();
      await clock.sleep(steadyMs);
      const twice = repeated(timesDone) - doneBefore;
      report({ bench: 'coordinator', round, killed: broker.name, seconds: tookMs / 1_000, twice });
    }
    report({
      bench: 'coordinator',
      rounds,
      medianSeconds: median(seconds),
      mostSeconds: Math.max(...seconds),
      effects: timesDone.size,
      twice: repeated(timesDone),
    });
  } finally {
    await trickle.stop();
    await Promise.all(consumers.map((consumer) => consumer.stop(10_000)));
  }
}

function connect(stack: RunningStack): Kafka {
  const environment = stackEnvironment(stack, 'reader', undefined, 'admin');
  const brokers = stack.addresses.kafkaBrokers.split(',');
  const connections = { ...environment, KAFKA_BROKERS: brokers } as KafkaConnections;
  return createKafka(connections, 'bench', logger);
}

async function createTopic(kafka: Kafka): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  const configEntries = [{ name: 'min.insync.replicas', value: '2' }];
  await admin.createTopics({
    waitForLeaders: true,
    topics: [{ topic, numPartitions: partitions, replicationFactor: 3, configEntries }],
  });
  await admin.disconnect();
}

function createMember(kafka: Kafka, timesDone: Map<string, number>): Consumer {
  return createConsumer({
    ...{ kafka, group, logger, clock, random: Math.random },
    onFatal: (error) => {
      throw error;
    },
    subscriptions: [
      {
        topic,
        start: 'committed',
        maxRecords: 10,
        decode: (value) => value?.toString() ?? '',
        handle: async (records) => {
          await clock.sleep(5);
          for (const { partition, offset } of records) {
            const name = `${partition}/${offset}`;
            timesDone.set(name, (timesDone.get(name) ?? 0) + 1);
          }
          return records.map(() => done);
        },
      },
    ],
  });
}

async function produceAlways(kafka: Kafka) {
  const producer = kafka.producer({ retry: { retries: 1_000, maxRetryTime: 500 } });
  await producer.connect();
  let isOver = false;
  const always = async (): Promise<void> => {
    for (let next = 0; !isOver; next += 1) {
      const messages = [{ key: String(next), value: String(next) }];
      // A record that is sent again lies in the log twice: here its offset identifies it.
      await producer.send({ topic, acks: -1, messages }).catch(() => undefined);
      await clock.sleep(recordEveryMs);
    }
  };
  const producing = always();
  return {
    stop: async () => {
      isOver = true;
      await producing;
      await producer.disconnect();
    },
  };
}

/** @returns how long it took until each member had a commit accepted that was made after that moment. */
async function steady(consumers: readonly Consumer[], sinceMs: number): Promise<number> {
  const last = (): number =>
    Math.min(...consumers.map((one) => one.state().membership.lastAcceptedCommitMs ?? 0));
  while (last() <= sinceMs) {
    if (Date.now() - sinceMs > roundLimitMs) throw new Error('No commit was accepted.');
    await clock.sleep(20);
  }
  return last() - sinceMs;
}

const repeated = (timesDone: ReadonlyMap<string, number>): number =>
  [...timesDone.values()].reduce((sum, times) => sum + times - 1, 0);

/** kafkajs passes it to an assigner only. */
async function coordinatorOf(kafka: Kafka, { servers }: RunningStack): Promise<ServerHandle> {
  let find = (): Promise<number> => Promise.reject(new Error('There is no cluster.'));
  const asking = kafka.consumer({
    groupId: group,
    partitionAssigners: [
      ({ cluster }) => {
        find = async () => {
          await cluster.refreshMetadata();
          const found = await cluster.findGroupCoordinator({ groupId: group });
          return Number((found as unknown as { nodeId: string }).nodeId);
        };
        return { name: 'none', version: 1, assign: () => [], protocol: () => null } as never;
      },
    ],
  });
  await asking.connect();
  const nodeId = await find();
  await asking.disconnect();
  const broker = [servers.kafka, servers.kafka2, servers.kafka3][nodeId - 1];
  if (!broker) throw new Error(`There is no broker ${nodeId}.`);
  return broker;
}
