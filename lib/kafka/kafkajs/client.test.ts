import { EventEmitter } from 'node:events';
import type { ConsumerConfig, Kafka } from 'kafkajs';
import { pino } from 'pino';
import { systemClock } from '../../process/clock';
import type { Assignment, ClientListener } from '../client-port';
import { KafkaJsClient } from './client';
import { defaultSettings } from '../../runtime/settings';

const events = {
  GROUP_JOIN: 'join',
  HEARTBEAT: 'heartbeat',
  CRASH: 'crash',
  END_BATCH_PROCESS: 'end',
};

/** A consumer whose events a test emits. */
class ScriptedConsumer extends EventEmitter {
  readonly events = events;
  connect = (): Promise<void> => Promise.resolve();
  subscribe = (): Promise<void> => Promise.resolve();
  run = (): Promise<void> => Promise.resolve();

  joins(): void {
    this.emit(events.GROUP_JOIN, { payload: { memberAssignment: { things: [0] }, memberId: 'a' } });
  }

  crashes(error: Error, restart: boolean): void {
    this.emit(events.CRASH, { payload: { error, restart } });
  }
}

const options = {
  group: 'readers',
  topics: [{ topic: 'things', everyMember: false }],
  settings: defaultSettings,
  logger: pino({ level: 'silent' }),
  clock: systemClock,
  random: () => 0,
};

function starting() {
  const scripted = new ScriptedConsumer();
  const joined: Assignment[] = [];
  const fatal: Error[] = [];
  const listener: ClientListener = {
    onJoined: (assignment) => joined.push(assignment),
    onBeforeRejoin: () => Promise.resolve(),
    onLeft: () => undefined,
    onProved: () => undefined,
    onBatch: () => Promise.resolve(),
    onFiltered: () => undefined,
    onFatal: (error) => fatal.push(error),
  };
  const client = new KafkaJsClient({
    ...options,
    kafka: { consumer: () => scripted } as unknown as Kafka,
  });
  return { scripted, joined, fatal, started: client.start(listener) };
}

test('a first join that fails for a moment is made again: the start waits for it', async () => {
  const { scripted, joined, fatal, started } = starting();
  scripted.crashes(new Error('the coordinator is loading'), true);
  scripted.joins();
  await started;
  expect(joined).toMatchObject([{ epoch: 1, partitions: [{ topic: 'things', partition: 0 }] }]);
  expect(fatal).toEqual([]);
});

test('a stop does not wait for a fetch without an answer', async () => {
  const broker = { fetch: () => new Promise(() => undefined) };
  const cluster = {
    brokerPool: { brokers: {}, findConnectedBroker: () => Promise.resolve(broker) },
    connectionPoolBuilder: { build: () => Promise.resolve({ pool: [] }) },
    findBroker: () => Promise.resolve(broker),
    refreshMetadata: () => Promise.resolve(),
  };
  let fetching: Promise<unknown> = Promise.resolve();
  const consumer = ({ partitionAssigners = [] }: ConsumerConfig) => {
    partitionAssigners[0]?.({ cluster, groupId: 'readers', logger: {} } as never);
    const stop = (): Promise<unknown> => fetching;
    return { stop, disconnect: () => Promise.resolve() };
  };
  const client = new KafkaJsClient({ ...options, kafka: { consumer } as unknown as Kafka });
  await cluster.findBroker();
  fetching = broker.fetch();
  await expect(client.stop()).resolves.toBeUndefined();
});

test('a topic that is not there ends the start, although kafkajs would begin again for ever', async () => {
  const { scripted, started } = starting();
  const error = Object.assign(new Error('no such topic'), { type: 'UNKNOWN_TOPIC_OR_PARTITION' });
  scripted.crashes(error, true);
  await expect(started).rejects.toThrow('no such topic');
});

test('a first join that fails for good ends the start with its reason', async () => {
  const { scripted, fatal, started } = starting();
  scripted.crashes(new Error('not authorized'), false);
  await expect(started).rejects.toThrow('not authorized');
  expect(fatal).toHaveLength(1);
});
