/**
 * A consumer in a process of its own, to be killed. It reports each record that it handles and never finishes the one
 * with value 0.
 */
import { pino } from 'pino';
import { createKafka } from '../../../lib/kafka/kafkajs/create-kafka';
import { done } from '../../../lib/runtime/outcome';
import { createConsumer } from '../../../lib/runtime/member/create-consumer';
import { systemClock } from '../../../lib/process/clock';
import type { ConsumedRecord } from '../../../lib/runtime/subscription';

const { BROKERS = '', TOPIC = '', GROUP = '' } = process.env;
const logger = pino({ level: 'silent' });
const never = new Promise(() => undefined);

async function handle([record]: readonly ConsumedRecord<number>[]) {
  if (record?.value === 0) await never;
  process.send?.(record?.value);
  return [done];
}

void createConsumer({
  kafka: createKafka({ KAFKA_BROKERS: BROKERS.split(',') }, 'abandoned', logger),
  group: GROUP,
  subscriptions: [
    { topic: TOPIC, start: 'committed', maxRecords: 1, decode: (value) => Number(value), handle },
  ],
  settings: { sessionTimeoutMs: 6_000, heartbeatEveryMs: 500 },
  logger,
  clock: systemClock,
  random: Math.random,
  onFatal: (error) => {
    throw error;
  },
}).start();
