/** Compares the topics that should exist with those that do. */
import { ackProblems, creationSettings, type Durability } from './durability';
import { isNameable } from './partition-counts';
import { retentionFloorMs, type TopicDefinition } from './topics';

/** A broker's description of a topic. */
export interface ExistingTopic {
  readonly partitions: number;
  /** Copies of the partition that has the fewest. */
  readonly replicas: number;
  /** Effective settings, including the broker's defaults. */
  readonly settings: Readonly<Record<string, string>>;
}

export interface TopicPlan {
  /** Full name, namespace included. */
  readonly topic: string;
  /** The current number of partitions, or the planned one of a topic to be created. */
  readonly partitions: number;
  readonly partitionsWanted: number;
  readonly replicas: number;
  readonly minInsyncReplicas: number;
  /**
   * `grow`: only `topics apply --grow` adds partitions. `unfit`: the pipeline must not run on it in this state;
   * `problems` say what to change.
   */
  readonly action: 'create' | 'keep' | 'grow' | 'unfit';
  readonly settings: Readonly<Record<string, string>>;
  readonly problems: readonly string[];
}

/** State topics are read from the start at every assignment, so they are compacted early. */
const compactSettings = { 'segment.bytes': '16777216', 'min.cleanable.dirty.ratio': '0.1' };

/**
 * The broker's clock dates our records. By our clock it would refuse the records of a worker that is fast by more than
 * an hour, and retention would remove at once those of a worker that is a month slow.
 */
const brokerTime = { 'message.timestamp.type': 'LogAppendTime' };

/** Debezium dates its events itself. */
const isWrittenByUs = ({ name }: TopicDefinition): boolean => !name.startsWith('cdc.');

/** Small segments, because only closed ones are compacted or deleted. */
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
  const { replacedKeptMs } = definition;
  if (definition.cleanup === 'compact') {
    const lag =
      replacedKeptMs === undefined ? {} : { 'min.compaction.lag.ms': String(replacedKeptMs) };
    return { ...common, ...compactSettings, ...lag };
  }
  if (definition.cleanup === 'compact,delete') {
    return { ...common, ...shortLived, 'retention.ms': String(definition.retentionMs) };
  }
  return { ...common, 'retention.ms': String(definition.retentionMs), 'retention.bytes': '-1' };
}

export function planTopic(
  definition: TopicDefinition,
  topic: string,
  existing: ExistingTopic | null,
  durability: Durability,
): TopicPlan {
  const wanted = definition.partitions;
  const settings = { ...settingsOf(definition), ...creationSettings(durability) };
  const plan = { topic, partitionsWanted: wanted, settings };
  if (!existing) {
    const { replicas, minInsyncReplicas } = durability;
    const action = 'create' as const;
    return { ...plan, action, partitions: wanted, replicas, minInsyncReplicas, problems: [] };
  }
  const { partitions, replicas } = existing;
  const problems = problemsOf(definition, topic, existing, durability);
  const mayGrow = partitions < wanted ? ('grow' as const) : ('keep' as const);
  const action = problems.length > 0 ? ('unfit' as const) : mayGrow;
  const minInsyncReplicas = Number(existing.settings['min.insync.replicas'] ?? 1);
  return { ...plan, action, partitions, replicas, minInsyncReplicas, problems };
}

function problemsOf(
  definition: TopicDefinition,
  topic: string,
  existing: ExistingTopic,
  durability: Durability,
): string[] {
  const { settings } = existing;
  const problems = stateProblems(definition, topic, existing.partitions);
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
  problems.push(...ackProblems(topic, existing, durability));
  return problems;
}

/**
 * A key's latest value stays in its partition when partitions are added, and its next one goes elsewhere: a reader of
 * state would then find both, or only one of them.
 */
function stateProblems(definition: TopicDefinition, topic: string, partitions: number): string[] {
  const { name, partitions: wanted, cleanup } = definition;
  if (cleanup === 'delete' || partitions === wanted) return [];
  const never =
    'it is compacted and never grows, since a key would move away from its latest value';
  const setting = `TOPIC_PARTITIONS (${name}=${partitions})`;
  if (!isNameable(name)) {
    return [`${topic} has ${partitions} partitions instead of ${wanted}: make it anew; ${never}.`];
  }
  return partitions < wanted
    ? [`${topic} stays at ${partitions} partitions: ${never}. Say so in ${setting}.`]
    : [
        `${topic} has ${partitions} partitions instead of ${wanted}: ${never}. When it was made with ` +
          `${partitions}, say so in ${setting}; when it has grown, first restart every process that reads it.`,
      ];
}

/** Events are the intent log: an event that retention deletes before its work is done is forgotten for ever. */
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
