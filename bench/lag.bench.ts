/** Claim: the memory of a consumer does not depend on how far it is behind. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { CompressionTypes, type Kafka } from 'kafkajs';
import { pino } from 'pino';
import { createKafka } from '../lib/kafka/kafkajs/create-kafka';
import { createTopicAdmin } from '../lib/kafka/topics/admin';
import { createTopics } from '../lib/kafka/topics/create-topics';
import { loopback } from './loopback';
import { highWaterBytes, type Report } from './report';

const partitions = 12;
const sizeBytes = 200;
/** How many bytes of a record are random: records that compress well are fetched in larger numbers. */
const newBytes = { 'like ids and times': 40, 'hardly anything': 0 } as const;
const perSend = 20_000;
/** From the first records on: by then every partition is as full as it gets. */
const watchedMs = 60_000;

type Values = keyof typeof newBytes;

async function fill(kafka: Kafka, topic: string, records: number, values: Values): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  await createTopics(admin, [{ topic, numPartitions: partitions }]);
  await admin.disconnect();
  const producer = kafka.producer();
  await producer.connect();
  const fixed = Buffer.alloc(sizeBytes - newBytes[values], 'x');
  for (let sent = 0; sent < records; sent += perSend) {
    const count = Math.min(perSend, records - sent);
    const messages = Array.from({ length: count }, (_, at) => ({
      key: `${sent + at}`,
      value: Buffer.concat([fixed, randomBytes(newBytes[values])]),
    }));
    await producer.send({ topic, messages, compression: CompressionTypes.GZIP });
  }
  await producer.disconnect();
}

async function lagOf(kafka: Kafka, topic: string): Promise<number> {
  const admin = createTopicAdmin(kafka, { namespace: '' });
  await admin.connect();
  const lag = await admin.lag(`${topic}.slow`, topic);
  await admin.disconnect();
  return lag.reduce((sum, { records }) => sum + records, 0);
}

async function measureOne(
  kafka: Kafka,
  brokers: string,
  report: Report,
  { records, values }: { readonly records: number; readonly values: Values },
): Promise<void> {
  const topic = `bench-lag-${process.pid}-${records}-${newBytes[values]}`;
  await fill(kafka, topic, records, values);
  const reader = spawn(process.execPath, [join(__dirname, 'lag-reader.js'), brokers, topic], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(createInterface({ input: reader.stdout }), 'line');
  await sleep(watchedMs);
  const lag = await lagOf(kafka, topic);
  const rssBytes = highWaterBytes(reader.pid ?? 0);
  report({ case: 'lag', records, partitions, sizeBytes, values, lag, rssBytes });
  reader.kill('SIGTERM');
  await once(reader, 'exit');
}

/** @param records the largest lag; a tenth of it is measured, too. */
export async function measureLag(brokers: string, report: Report, records: number): Promise<void> {
  const kafka = createKafka(loopback(brokers), 'bench', pino({ level: 'silent' }));
  for (const values of ['like ids and times', 'hardly anything'] as const) {
    for (const count of [Math.ceil(records / 10), records]) {
      await measureOne(kafka, brokers, report, { records: count, values });
    }
  }
}
