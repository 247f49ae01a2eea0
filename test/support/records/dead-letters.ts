/** Reads the records of a topic from its start to its present end. */
import type { IHeaders, KafkaMessage } from 'kafkajs';
import type { Scenario } from '../scenario/scenario';
import { until } from '../until';

interface ReadRecord {
  readonly partition: number;
  readonly offset: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, string>>;
}

const asText = (headers: IHeaders = {}): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, [value].flat().at(-1)?.toString() ?? '']),
  );

/** @param topic without the namespace. */
export async function recordsOn(scenario: Scenario, topic: string): Promise<ReadRecord[]> {
  const ends = await scenario.topics.ends(scenario.named(topic));
  const wanted = ends.reduce(
    (sum, { logStart, highWatermark }) => sum + highWatermark - logStart,
    0,
  );
  if (wanted === 0) return [];
  const records: ReadRecord[] = [];
  const consumer = scenario.kafka.consumer({ groupId: scenario.named(`read.${topic}`) });
  await consumer.connect();
  try {
    await consumer.subscribe({ topics: [scenario.named(topic)], fromBeginning: true });
    const take = (partition: number, { offset, key, value, headers }: KafkaMessage): void => {
      records.push({ partition, offset: Number(offset), key, value, headers: asText(headers) });
    };
    await consumer.run({
      autoCommit: false,
      eachMessage: ({ partition, message }) => {
        take(partition, message);
        return Promise.resolve();
      },
    });
    await until(`${topic} has been read`, () => records.length >= wanted);
  } finally {
    await consumer.disconnect();
  }
  return records;
}
