import { EventEmitter } from 'node:events';
import type { Kafka } from 'kafkajs';
import { pino } from 'pino';
import { systemClock } from '../process/clock';
import type { Assignment, ClientListener } from './client-port';
import { KafkaJsClient } from './kafkajs-client';
import { defaultSettings } from './settings';

const events = {
  GROUP_JOIN: 'join',
  HEARTBEAT: 'heartbeat',
  CRASH: 'crash',
  END_BATCH_PROCESS: 'end',
};

/** A consumer of which a test says what happens to it. */
class ToldConsumer extends EventEmitter {
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

function starting() {
  const told = new ToldConsumer();
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
    kafka: { consumer: () => told } as unknown as Kafka,
    group: 'readers',
    topics: [{ topic: 'things', everyMember: false }],
    settings: defaultSettings,
    logger: pino({ level: 'silent' }),
    clock: systemClock,
    random: () => 0,
  });
  return { told, joined, fatal, started: client.start(listener) };
}

test('a first join that fails for a moment is made again: the start waits for it', async () => {
  const { told, joined, fatal, started } = starting();
  told.crashes(new Error('the coordinator is loading'), true);
  told.joins();
  await started;
  expect(joined).toMatchObject([{ epoch: 1, partitions: [{ topic: 'things', partition: 0 }] }]);
  expect(fatal).toEqual([]);
});

test('a topic that is not there ends the start, although kafkajs would begin again for ever', async () => {
  const { told, started } = starting();
  const error = Object.assign(new Error('no such topic'), { type: 'UNKNOWN_TOPIC_OR_PARTITION' });
  told.crashes(error, true);
  await expect(started).rejects.toThrow('no such topic');
});

test('a first join that fails for good ends the start with its reason', async () => {
  const { told, fatal, started } = starting();
  told.crashes(new Error('not authorized'), false);
  await expect(started).rejects.toThrow('not authorized');
  expect(fatal).toHaveLength(1);
});
