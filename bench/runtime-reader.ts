/**
 * Reads a topic once, by a bare `eachBatch` or by the runtime, with handlers that do nothing. It runs as a process of
 * its own, so that compiled code and heap of one way of reading do not affect the other.
 *
 * Usage: runtime-reader.js <bare|runtime> <brokers> <topic> <records>. Prints one line, a `ReaderFigures`.
 */
import type { Kafka } from 'kafkajs';
import { pino } from 'pino';
import { createKafka } from '../lib/kafka/kafkajs/create-kafka';
import { done } from '../lib/runtime/outcome';
import { createConsumer } from '../lib/runtime/member/create-consumer';
import { systemClock } from '../lib/process/clock';
import { loopback } from './loopback';

export interface ReaderFigures {
  readonly recordsPerSecond: number;
  /** Processor time, of all threads. */
  readonly cpuMicrosPerRecord: number;
}

interface Meter {
  count(records: number): void;
  readonly finished: Promise<ReaderFigures>;
}

interface Stoppable {
  stop(): Promise<unknown>;
}

type Reader = (kafka: Kafka, topic: string, meter: Meter) => Promise<Stoppable>;

/** So many records a process reads before it is warm. */
const warmUpShare = 0.2;
const logger = pino({ level: 'silent' });

/** From the warm state to the last record. */
function createMeter(total: number): Meter {
  const warmAt = total * warmUpShare;
  let startedMs = 0;
  let cpuAtStart = process.cpuUsage();
  let countedAtStart = 0;
  let counted = 0;
  let finish: (figures: ReaderFigures) => void = () => undefined;
  const finished = new Promise<ReaderFigures>((resolve) => (finish = resolve));
  return {
    finished,
    count: (records) => {
      counted += records;
      if (startedMs === 0 && counted >= warmAt) {
        startedMs = performance.now();
        cpuAtStart = process.cpuUsage();
        countedAtStart = counted;
      }
      if (counted !== total) return;
      const measured = total - countedAtStart;
      const { user, system } = process.cpuUsage(cpuAtStart);
      finish({
        recordsPerSecond: Math.round((measured / (performance.now() - startedMs)) * 1_000),
        cpuMicrosPerRecord: Number(((user + system) / measured).toFixed(2)),
      });
    },
  };
}

const bare: Reader = async (kafka, topic, meter) => {
  const consumer = kafka.consumer({ groupId: `${topic}-${process.pid}`, maxWaitTimeInMs: 250 });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently: 16,
    eachBatch: (payload) => {
      const { batch } = payload;
      payload.resolveOffset(batch.lastOffset());
      meter.count(batch.messages.length);
      return Promise.resolve();
    },
  });
  return { stop: () => consumer.disconnect() };
};

const runtime: Reader = async (kafka, topic, meter) => {
  const consumer = createConsumer({
    kafka,
    group: `${topic}-${process.pid}`,
    settings: { partitionBufferRecords: 20_000, windowRecords: 40_000 },
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
        lanes: 16,
        decode: (value) => value,
        handle: (records) => {
          meter.count(records.length);
          return Promise.resolve(records.map(() => done));
        },
      },
    ],
  });
  await consumer.start();
  return { stop: () => consumer.stop(10_000) };
};

async function main(): Promise<void> {
  const [how, brokers = '', topic = '', records] = process.argv.slice(2);
  const kafka = createKafka(loopback(brokers), 'bench', logger);
  const meter = createMeter(Number(records));
  const reader = await (how === 'bare' ? bare : runtime)(kafka, topic, meter);
  console.log(JSON.stringify(await meter.finished));
  await reader.stop();
}

void main();
