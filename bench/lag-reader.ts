/**
 * A consumer that is far behind and slow: each micro-batch takes a tenth of a second. It runs as a process of its own,
 * so that its memory can be measured alone.
 *
 * Usage: lag-reader.js <brokers> <topic>. Prints a line when it has handled its first records.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { createKafka } from '../lib/kafka/kafkajs/create-kafka';
import { done } from '../lib/runtime/outcome';
import { createConsumer } from '../lib/runtime/member/create-consumer';
import { systemClock } from '../lib/process/clock';
import { loopback } from './loopback';

const [brokers = '', topic = ''] = process.argv.slice(2);
const logger = pino({ level: 'silent' });
let hasBegun = false;

const consumer = createConsumer({
  kafka: createKafka(loopback(brokers), 'bench', logger),
  group: `${topic}.slow`,
  logger,
  clock: systemClock,
  random: Math.random,
  onFatal: (error) => {
    throw error;
  },
  subscriptions: [
    {
      topic,
      start: 'committed',
      maxRecords: 100,
      decode: (value) => value,
      handle: async (records) => {
        await sleep(100);
        if (!hasBegun) console.log('begun');
        hasBegun = true;
        return records.map(() => done);
      },
    },
  ],
});

void consumer.start();
process.once('SIGTERM', () => void consumer.stop(10_000).then(() => process.exit(0)));
