// A consumer in a process of its own, to be killed. It reports each record that it handles and never
// finishes the one with value 0. Compiled code, since a child process has no transformer.
const { pino } = require('pino');
const { createKafka } = require('../../dist/lib/kafka/connection.js');
const { done } = require('../../dist/lib/kafka/outcome.js');
const { createConsumer } = require('../../dist/lib/kafka/run-consumer.js');
const { systemClock } = require('../../dist/lib/process/clock.js');

const { BROKERS, TOPIC, GROUP } = process.env;
const logger = pino({ level: 'silent' });
const never = new Promise(() => undefined);

async function handle([record]) {
  if (record.value === 0) await never;
  process.send(record.value);
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
