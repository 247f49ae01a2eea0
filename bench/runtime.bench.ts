/**
 * Measures which share of kafkajs' own reading speed the consumer runtime reaches.
 *
 * The same topic is read by a bare `eachBatch` that does nothing and by the runtime with a handler that does nothing,
 * in turns, each in a process of its own. Reports a line for each run and the medians' ratio.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CompressionTypes, type Kafka } from 'kafkajs';
import { pino } from 'pino';
import { createTopics } from '../lib/kafka/topics/create-topics';
import { createKafka } from '../lib/kafka/kafkajs/create-kafka';
import { loopback } from './loopback';
import { median, type Report } from './report';
import type { ReaderFigures } from './runtime-reader';

interface Load {
  readonly topic: string;
  readonly sizeBytes: number;
  readonly partitions: number;
  readonly records: number;
}

const pairs = 3;
const limitMs = 300_000;
const ways = ['bare', 'runtime'] as const;
const run = promisify(execFile);

async function read(
  way: (typeof ways)[number],
  brokers: string,
  { topic, records }: Load,
): Promise<ReaderFigures> {
  const args = [join(__dirname, 'runtime-reader.js'), way, brokers, topic, String(records)];
  const { stdout } = await run(process.execPath, args, { timeout: limitMs });
  return JSON.parse(stdout) as ReaderFigures;
}

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

async function compare(brokers: string, load: Load, report: Report): Promise<void> {
  const { sizeBytes, partitions, records } = load;
  const rates: Record<(typeof ways)[number], number[]> = { bare: [], runtime: [] };
  for (let pair = 0; pair < pairs; pair += 1) {
    for (const way of ways) {
      const figures = await read(way, brokers, load);
      rates[way].push(figures.recordsPerSecond);
      report({ case: `runtime ${way}`, sizeBytes, partitions, records, ...figures });
    }
  }
  const ratio = Number((median(rates.runtime) / median(rates.bare)).toFixed(2));
  report({ case: 'runtime', sizeBytes, partitions, ratio });
}

/** @param records how many of 60 bytes; of 1 KB a fifth of it. */
export async function measureRuntime(
  brokers: string,
  report: Report,
  records: number,
): Promise<void> {
  const kafka = createKafka(loopback(brokers), 'bench', pino({ level: 'silent' }));
  for (const [sizeBytes, partitions, count] of [
    [60, 1, records],
    [60, 4, records],
    [1_024, 1, Math.ceil(records / 5)],
  ] as const) {
    const topic = `bench-runtime-${process.pid}-${sizeBytes}-${partitions}`;
    const load = { topic, sizeBytes, partitions, records: count };
    await prepare(kafka, load);
    await compare(brokers, load, report);
  }
}
