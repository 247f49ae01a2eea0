/**
 * `TOPIC_PARTITIONS`: how many partitions topics should have. `24` applies to the topics that hold work;
 * `24,artifacts.expired=48` makes an exception for one of them, or for a topic whose partitions share out the sweeps.
 */
import { z } from 'zod';
import { partitionsDefault, topicNames, topics, type TopicDefinition } from './topics';

/** Many more would burden every broker, and each member of a group reads some topics whole. */
const partitionsMax = 1_000;

/** Topics of work: `topics apply --grow` adds partitions where there are fewer than wanted. */
const workTopics: readonly string[] = [
  topicNames.artifactChanges,
  topicNames.buildChanges,
  topicNames.artifactsExpired,
  topicNames.buildsFinished,
];
/**
 * These never grow, so their number is set before they are created. No other topic may be named: the code relies on the
 * number in its definition.
 */
const sweepTopics: readonly string[] = [topicNames.progress, topicNames.staleProgress];
const nameable = [...workTopics, ...sweepTopics];

/** By a topic's name without the namespace; a topic that is left out has the default of its definition. */
type PartitionCounts = ReadonlyMap<string, number>;

class PartitionCountsError extends Error {
  override readonly name = 'PartitionCountsError';
}

/** @throws PartitionCountsError that names the part which is not understood. */
export function readPartitionCounts(text: string): PartitionCounts {
  const counts = new Map<string, number>();
  for (const part of text.split(',').map((one) => one.trim())) {
    const [, name, digits] = /^(?:([^=\s]+)=)?([0-9]{1,4})$/.exec(part) ?? [];
    const count = Number(digits);
    if (digits === undefined || count < 1 || count > partitionsMax) {
      throw new PartitionCountsError(
        `must be a number from 1 to ${partitionsMax}, or numbers like 24,artifacts.expired=48, not "${part}"`,
      );
    }
    if (name !== undefined && !nameable.includes(name)) {
      throw new PartitionCountsError(`has no topic ${name}: only ${nameable.join(', ')}`);
    }
    for (const topic of name === undefined ? workTopics : [name]) counts.set(topic, count);
  }
  return counts;
}

/** The variable as a setting. */
export const partitionCounts = z
  .string()
  .default(String(partitionsDefault))
  .transform((given, context) => {
    try {
      return readPartitionCounts(given);
    } catch (error) {
      if (!(error instanceof PartitionCountsError)) throw error;
      context.addIssue({ code: 'custom', message: error.message });
      return z.NEVER;
    }
  });

export const topicsWith = (counts: PartitionCounts): readonly TopicDefinition[] =>
  topics.map((topic) => ({ ...topic, partitions: counts.get(topic.name) ?? topic.partitions }));

/** Whether `TOPIC_PARTITIONS` may name it. */
export const isNameable = (topic: string): boolean => nameable.includes(topic);

/**
 * The order in which partitions are added: a topic's readers can grow before its writer, so records never flow from
 * more partitions into fewer. Retry and dead-letter topics first, then those that consumers read, then those that
 * Connect writes.
 */
export function growthStage(topic: string): number {
  if (topic === topicNames.artifactChanges || topic === topicNames.buildChanges) return 2;
  return workTopics.includes(topic) ? 1 : 0;
}
