/** Actions of operators on topics and groups with Kafka's tools, past the pipeline. */
import { createProducer, type OutgoingRecord } from '../../../lib/kafka/producer';
import type { Scenario } from './scenario';
import { until } from '../until';

/** Writes records unchanged. */
export async function operatorProduces(
  scenario: Scenario,
  topic: string,
  records: readonly Omit<OutgoingRecord, 'topic'>[],
): Promise<void> {
  const producer = createProducer(scenario.kafka);
  await producer.connect();
  await producer.send(records.map((record) => ({ ...record, topic: scenario.named(topic) })));
  await producer.disconnect();
}

/** The way past a record that cannot be saved: a group without members continues behind it. */
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

/** The groups begin at the start of their topics again; they must have no members. */
export async function forgetOffsets(scenario: Scenario, groups: readonly string[]): Promise<void> {
  await scenario.asOperator((admin) =>
    admin.deleteGroups(groups.map((group) => scenario.named(group))),
  );
}

/** Deletes a topic with its records, and creates it anew with the given number of partitions. */
export async function makeAnew(
  scenario: Scenario,
  name: string,
  partitions: number,
  settings: Readonly<Record<string, string>> = {},
): Promise<void> {
  const topic = scenario.named(name);
  const configEntries = Object.entries(settings).map(([key, value]) => ({ name: key, value }));
  await scenario.asOperator(async (admin) => {
    await admin.deleteTopics({ topics: [topic] });
    await until(`${name} is made anew`, async () => {
      await admin.createTopics({
        topics: [{ topic, numPartitions: partitions, configEntries }],
      });
      const ends = await admin.fetchTopicOffsets(topic);
      return ends.length === partitions && ends.every(({ high }) => high === '0');
    });
  });
}
