/** Who is in a group and holds which partitions, and where a moment lies in a log. It only looks. */
import { AssignerProtocol, type Admin, type Kafka } from 'kafkajs';
import { groupNeed, needing, principalOf, topicNeed } from '../missing-right';
import { instanceOf } from './sticky-assigner';

interface WatchedMember {
  readonly memberId: string;
  /** Null while the group shares out its partitions, and of a member that does not say it. */
  readonly instance: string | null;
  /** By the topic's full name, ascending. */
  readonly partitions: Readonly<Record<string, readonly number[]>>;
}

export interface WatchedGroup {
  /** The full name. */
  readonly group: string;
  /** Kafka's word: `Stable`, `PreparingRebalance`, `CompletingRebalance`, `Empty` or `Dead`. */
  readonly state: string;
  readonly members: readonly WatchedMember[];
}

/** Names of groups and topics are full names. Errors are those of kafkajs, or MissingRightError. */
export interface KafkaWatch {
  connect(): Promise<void>;
  /** A group that does not exist is `Dead`, without members. */
  group(name: string): Promise<WatchedGroup>;
  /** By partition: the first offset that was written at that time or later; the end of the log when none was. */
  offsetsAt(topic: string, timestampMs: number): Promise<ReadonlyMap<number, number>>;
  /** The topics that this principal may describe. */
  topics(): Promise<readonly string[]>;
  disconnect(): Promise<void>;
}

export function createKafkaWatch(kafka: Kafka): KafkaWatch {
  const retry = { retries: 3, initialRetryTime: 100, maxRetryTime: 1_000 };
  return new KafkaJsWatch(kafka.admin({ retry }), principalOf(kafka));
}

class KafkaJsWatch implements KafkaWatch {
  constructor(
    private readonly admin: Admin,
    private readonly principal: string,
  ) {}

  connect(): Promise<void> {
    return this.admin.connect();
  }

  disconnect(): Promise<void> {
    return this.admin.disconnect();
  }

  async group(name: string): Promise<WatchedGroup> {
    const { groups } = await needing(this.principal, [groupNeed('DESCRIBE', name)], () =>
      this.admin.describeGroups([name]),
    );
    const [found] = groups;
    if (!found) return { group: name, state: 'Dead', members: [] };
    const members = found.members.map(({ memberId, memberMetadata, memberAssignment }) => ({
      memberId,
      instance: instanceOf(memberMetadata),
      partitions: partitionsIn(memberAssignment),
    }));
    return { group: name, state: found.state, members };
  }

  async offsetsAt(topic: string, timestampMs: number): Promise<ReadonlyMap<number, number>> {
    const offsets = await needing(this.principal, [topicNeed('DESCRIBE', topic)], () =>
      this.admin.fetchTopicOffsetsByTimestamp(topic, timestampMs),
    );
    return new Map(offsets.map(({ partition, offset }) => [partition, Number(offset)]));
  }

  topics(): Promise<readonly string[]> {
    return this.admin.listTopics();
  }
}

/** Empty while the group shares out its partitions, and of a foreign member that says it in another form. */
function partitionsIn(memberAssignment: Buffer): Record<string, number[]> {
  const { assignment = {} } = decodeAssignment(memberAssignment) ?? {};
  const topics = Object.entries(assignment);
  return Object.fromEntries(topics.map(([topic, own]) => [topic, own.toSorted((a, b) => a - b)]));
}

function decodeAssignment(bytes: Buffer) {
  if (bytes.length === 0) return null;
  try {
    return AssignerProtocol.MemberAssignment.decode(bytes);
  } catch {
    return null;
  }
}
