/** Compares the topics that should be there with those that are. */
import { retentionFloorMs, type TopicDefinition } from './topics';

/** What a broker says of a topic. */
export interface ExistingTopic {
  readonly partitions: number;
  /** Effective settings, defaults of the broker included. */
  readonly settings: Readonly<Record<string, string>>;
}

export interface TopicPlan {
  /** Full name, namespace included. */
  readonly topic: string;
  readonly partitions: number;
  readonly action: 'create' | 'keep';
  readonly settings: Readonly<Record<string, string>>;
  /** Why the pipeline must not run on the topic as it is; sentences that say what to change. */
  readonly problems: readonly string[];
}

/** State topics are read from the start at every assignment, so they are compacted early. */
const compactSettings = { 'segment.bytes': '16777216', 'min.cleanable.dirty.ratio': '0.1' };

/**
 * The broker's clock dates what we write. By ours it would refuse the records of a worker whose clock is
 * fast by more than an hour, and retention would take at once those of one that is a month slow.
 */
const brokerTime = { 'message.timestamp.type': 'LogAppendTime' };

/** Debezium dates its events itself. */
const isWrittenByUs = ({ name }: TopicDefinition): boolean => !name.startsWith('cdc.');

/** Small segments, because only those that are closed are compacted or deleted. */
const shortLived = {
  'segment.bytes': '1048576',
  'segment.ms': '3600000',
  'min.cleanable.dirty.ratio': '0.1',
};

export function settingsOf(definition: TopicDefinition): Record<string, string> {
  const common = {
    'cleanup.policy': definition.cleanup,
    'compression.type': 'producer',
    ...(isWrittenByUs(definition) ? brokerTime : {}),
    ...(definition.batchBytesMax === undefined
      ? {}
      : { 'max.message.bytes': String(definition.batchBytesMax) }),
  };
  if (definition.cleanup === 'compact') return { ...common, ...compactSettings };
  if (definition.cleanup === 'compact,delete') {
    return { ...common, ...shortLived, 'retention.ms': String(definition.retentionMs) };
  }
  return { ...common, 'retention.ms': String(definition.retentionMs), 'retention.bytes': '-1' };
}

export function planTopic(
  definition: TopicDefinition,
  topic: string,
  existing: ExistingTopic | null,
): TopicPlan {
  const plan = { topic, partitions: definition.partitions, settings: settingsOf(definition) };
  if (!existing) return { ...plan, action: 'create', problems: [] };
  return { ...plan, action: 'keep', problems: problemsOf(definition, topic, existing) };
}

function problemsOf(
  definition: TopicDefinition,
  topic: string,
  { partitions, settings }: ExistingTopic,
): string[] {
  const problems: string[] = [];
  if (partitions !== definition.partitions) {
    problems.push(
      `${topic} has ${partitions} partitions instead of ${definition.partitions}, so keys lie elsewhere: ` +
        'drain it and make it anew.',
    );
  }
  const policy = settings['cleanup.policy'] ?? '';
  if (policy !== definition.cleanup) {
    problems.push(`${topic}: set cleanup.policy to ${definition.cleanup}; it is "${policy}".`);
  }
  const compression = settings['compression.type'] ?? 'producer';
  if (compression !== 'producer' && compression !== 'zstd' && compression !== 'gzip') {
    problems.push(
      `${topic}: set compression.type to producer; "${compression}" is not readable here.`,
    );
  }
  if (definition.cleanup === 'delete') problems.push(...retentionProblems(topic, settings));
  return problems;
}

/** Events are the intent log: what retention deletes before it was worked on is forgotten for ever. */
function retentionProblems(topic: string, settings: Readonly<Record<string, string>>): string[] {
  const problems: string[] = [];
  const retentionMs = Number(settings['retention.ms'] ?? -1);
  if (retentionMs >= 0 && retentionMs < retentionFloorMs) {
    problems.push(
      `${topic}: raise retention.ms to ${retentionFloorMs} (30 days) at least; it is ${retentionMs}.`,
    );
  }
  const retentionBytes = Number(settings['retention.bytes'] ?? -1);
  if (retentionBytes >= 0) {
    problems.push(
      `${topic}: set retention.bytes to -1; ${retentionBytes} bytes may be reached before 30 days are over.`,
    );
  }
  return problems;
}
