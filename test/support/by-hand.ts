/** What a person does to topics and groups with tools, past the pipeline. */
import { createProducer, type OutgoingRecord } from '../../lib/kafka/producer';
import type { Scenario } from './scenario';

/** Writes records as they are. */
export async function produceByHand(
  scenario: Scenario,
  topic: string,
  records: readonly Omit<OutgoingRecord, 'topic'>[],
): Promise<void> {
  const producer = createProducer(scenario.kafka);
  await producer.connect();
  await producer.send(records.map((record) => ({ ...record, topic: scenario.named(topic) })));
  await producer.disconnect();
}

/** The way past a record that cannot be saved: a group without members goes on behind it. */
export async function stepOver(
  scenario: Scenario,
  group: string,
  topic: string,
  bad: readonly { readonly partition: number; readonly offset: number }[],
): Promise<void> {
  const partitions = bad.map(({ partition, offset }) => ({ partition, offset: `${offset + 1}` }));
  const place = { groupId: scenario.named(group), topic: scenario.named(topic) };
  await scenario.asOperator((admin) => admin.setOffsets({ ...place, partitions }));
}
