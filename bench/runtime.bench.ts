/**
 * How much of what kafkajs alone can read is left when the consumer runtime does it.
 *
 * The same topic is read by a bare `eachBatch` that does nothing and by the runtime with a handler that
 * does nothing, in turns, from the first to the last record. Reports a line a run and the medians' ratio.
 */
import { CompressionTypes, type Kafka } from 'kafkajs';
import { pino } from 'pino';
import { createTopics } from '../lib/kafka/create-topics';
import { createKafka } from '../lib/kafka/connection';
import { done } from '../lib/kafka/outcome';
import { createConsumer } from '../lib/kafka/run-consumer';
import { systemClock } from '../lib/process/clock';
import { loopback } from './loopback';
import { median, type Report } from './report';

interface Load {
  readonly topic: string;
  readonly sizeBytes: number;
  readonly partitions: number;
  readonly records: number;
}

type Reader = (kafka: Kafka, load: Load, group: string) => Promise<number>;

const pairs = 3;
const logger = pino({ level: 'silent' });

/** Counts records, and the time from the first batch to the last record. */
function createMeter(total: number): { count(records: number): void; finished: Promise<number> } {
  let startedAt = 0;
  let counted = 0;
  let finish: (recordsPerSecond: number) => void = () => undefined;
  const finished = new Promise<number>((resolve) => (finish = resolve));
  return {
    finished,
    count: (records) => {
      if (startedAt === 0) startedAt = performance.now();
      counted += records;
      if (counted === total) finish((total / (performance.now() - startedAt)) * 1000);
    },
  };
}

const bare: Reader = async (kafka, load, group) => {
  const meter = createMeter(load.records);
  const consumer = kafka.consumer({ groupId: group, maxWaitTimeInMs: 250 });
  await consumer.connect();
  await consumer.subscribe({ topics: [load.topic], fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently: load.partitions,
    eachBatch: (payload) => {
      const { batch } = payload;
      meter.count(0);
      payload.resolveOffset(batch.lastOffset());
      meter.count(batch.messages.length);
      return Promise.resolve();
    },
  });
  const rate = await meter.finished;
  await consumer.disconnect();
  return rate;
};

const runtime: Reader = async (kafka, load, group) => {
  const meter = createMeter(load.records);
  const consumer = createConsumer({
    kafka,
    group,
    settings: { partitionBufferRecords: 20_000, windowRecords: 40_000 },
    logger,
    clock: systemClock,
    random: Math.random,
    onFatal: (error) => {
      throw error;
    },
    subscriptions: [
      {
        topic: load.topic,
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
  const rate = await meter.finished;
  await consumer.stop(10_000);
  return rate;
};

async function prepare(kafka: Kafka, load: Load): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  const { topic, partitions: numPartitions } = load;
  await createTopics(admin, [{ topic, numPartitions }]);
  await admin.disconnect();
  const producer = kafka.producer();
  await producer.connect();
  const value = Buffer.alloc(load.sizeBytes, 'x');
  const perSend = Math.floor(500_000 / load.sizeBytes);
  for (let sent = 0; sent < load.records; sent += perSend) {
    const count = Math.min(perSend, load.records - sent);
    const messages = Array.from({ length: count }, (_, index) => ({
      key: `key-${(sent + index) % 5_000}`,
      value,
    }));
    await producer.send({ topic, messages, compression: CompressionTypes.None });
  }
  await producer.disconnect();
}

async function compare(kafka: Kafka, load: Load, report: Report): Promise<void> {
  await prepare(kafka, load);
  const rates: Record<'bare' | 'runtime', number[]> = { bare: [], runtime: [] };
  for (let pair = 0; pair < pairs; pair += 1) {
    for (const [name, read] of [
      ['bare', bare],
      ['runtime', runtime],
    ] as const) {
      const recordsPerSecond = Math.round(await read(kafka, load, `${load.topic}-${name}-${pair}`));
      rates[name].push(recordsPerSecond);
      const { sizeBytes, partitions, records } = load;
      report({ case: `runtime ${name}`, sizeBytes, partitions, records, recordsPerSecond });
    }
  }
  const ratio = Number((median(rates.runtime) / median(rates.bare)).toFixed(2));
  report({ case: 'runtime', sizeBytes: load.sizeBytes, partitions: load.partitions, ratio });
}

/** @param records how many of 60 bytes; of 1 KB a fifth of it. */
export async function measureRuntime(
  brokers: string,
  report: Report,
  records: number,
): Promise<void> {
  const kafka = createKafka(loopback(brokers), 'bench', logger);
  for (const [sizeBytes, partitions, count] of [
    [60, 1, records],
    [60, 4, records],
    [1_024, 1, Math.ceil(records / 5)],
  ] as const) {
    const topic = `bench-runtime-${process.pid}-${sizeBytes}-${partitions}`;
    await compare(kafka, { topic, sizeBytes, partitions, records: count }, report);
  }
}
