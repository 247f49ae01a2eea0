/** Topics, offsets and lag, for the command line, for back-pressure and for tests. */
import { ConfigResourceTypes, type Admin, type Kafka } from 'kafkajs';
import { decodeCommitMap } from '../commit-map';
import { createTopics } from './create-topics';
import { durabilityOf } from './durability';
import { growTopics } from './grow-topics';
import { growthStage } from './partition-counts';
import {
  groupNeed,
  MissingRightError,
  needing,
  principalOf,
  topicNeed,
  type Need,
} from '../missing-right';
import { planTopic, type ExistingTopic, type TopicPlan } from './topic-plan';
import { topics as allTopics, type TopicDefinition } from './topics';
import { awaitLeaders } from './await-leaders';

interface TopicAdminOptions {
  /** Empty, or a prefix like `team-a.`. */
  readonly namespace: string;
  /** Default: 3, or as many as there are brokers. */
  readonly replicationFactor?: number | undefined;
  /** Default: 2 of 3 replicas or more, 1 of fewer. */
  readonly minInsyncReplicas?: number | undefined;
  /** Default: all of `topics.ts`. */
  readonly definitions?: readonly TopicDefinition[];
}

export interface CommittedOffset {
  readonly partition: number;
  /** -1 when the group has never committed. */
  readonly offset: number;
  readonly metadata: string;
  /** Records beyond the offset that the commit map says are done. */
  readonly doneBeyond: number;
}

export interface PartitionEnds {
  readonly partition: number;
  readonly logStart: number;
  readonly highWatermark: number;
}

interface PartitionLag {
  readonly partition: number;
  /** Records that are not done. Offsets that hold no record count too. */
  readonly records: number;
}

/** Group and topic names are full names, namespace included. */
export interface TopicAdmin {
  connect(): Promise<void>;
  plan(): Promise<readonly TopicPlan[]>;
  /**
   * Creates missing topics and, with `grow`, adds missing partitions.
   * @returns the plan that was carried out.
   * @throws TopicsUnfitError when an existing topic cannot be used; then no topic has grown.
   */
  apply(how?: { readonly grow: boolean }): Promise<readonly TopicPlan[]>;
  committed(group: string, topic: string): Promise<readonly CommittedOffset[]>;
  ends(topic: string): Promise<readonly PartitionEnds[]>;
  lag(group: string, topic: string): Promise<readonly PartitionLag[]>;
  disconnect(): Promise<void>;
}

export class TopicsUnfitError extends Error {
  override readonly name = 'TopicsUnfitError';
}

export function createTopicAdmin(kafka: Kafka, options: TopicAdminOptions): TopicAdmin {
  const admin = kafka.admin({
    retry: { retries: 8, initialRetryTime: 100, maxRetryTime: 2_000 },
  });
  return new KafkaJsTopicAdmin(admin, options, principalOf(kafka));
}

/** A broker that has just started leads its partitions within seconds. */
const unledMs = 30_000;

class KafkaJsTopicAdmin implements TopicAdmin {
  readonly #admin: Admin;
  readonly #options: TopicAdminOptions;

  readonly #principal: string;

  constructor(admin: Admin, options: TopicAdminOptions, principal: string) {
    this.#admin = admin;
    this.#options = options;
    this.#principal = principal;
  }

  connect(): Promise<void> {
    return this.#admin.connect();
  }

  disconnect(): Promise<void> {
    return this.#admin.disconnect();
  }

  async plan(): Promise<readonly TopicPlan[]> {
    const definitions = this.#options.definitions ?? allTopics;
    const present = new Set(await this.#admin.listTopics());
    const names = definitions.map(({ name }) => `${this.#options.namespace}${name}`);
    await this.#checkAbsent(names.filter((name) => !present.has(name)));
    const existing = await this.#describe(names.filter((name) => present.has(name)));
    const { brokers } = await this.#admin.describeCluster();
    const durability = durabilityOf(brokers.length, this.#options);
    return definitions.map((definition) => {
      const topic = `${this.#options.namespace}${definition.name}`;
      return planTopic(definition, topic, existing.get(topic) ?? null, durability);
    });
  }

  async apply({ grow } = { grow: false }): Promise<readonly TopicPlan[]> {
    const plans = await this.plan();
    const missing = plans.filter(({ action }) => action === 'create');
    if (missing.length > 0) await this.#create(missing);
    const problems = plans.flatMap((plan) => plan.problems);
    if (problems.length > 0) throw new TopicsUnfitError(problems.join(' '));
    if (grow) await this.#grow(plans.filter(({ action }) => action === 'grow'));
    return plans;
  }

  #grow(plans: readonly TopicPlan[]): Promise<void> {
    const stageOf = ({ topic }: TopicPlan) =>
      growthStage(topic.slice(this.#options.namespace.length));
    const inOrder = plans.toSorted((a, b) => stageOf(a) - stageOf(b));
    const growths = inOrder.map(({ topic, partitionsWanted: count }) => ({ topic, count }));
    return growTopics(this.#admin, growths);
  }

  async committed(group: string, topic: string): Promise<readonly CommittedOffset[]> {
    const needs = [groupNeed('DESCRIBE', group), topicNeed('DESCRIBE', topic)];
    const [answer] = await this.#needing(needs, () =>
      this.#admin.fetchOffsets({ groupId: group, topics: [topic] }),
    );
    return (answer?.partitions ?? []).map(({ partition, offset, metadata }) => {
      const ranges = decodeCommitMap(metadata ?? '', Number(offset)) ?? [];
      return {
        partition,
        offset: Number(offset),
        metadata: metadata ?? '',
        doneBeyond: ranges.reduce((sum, range) => sum + range.to - range.from, 0),
      };
    });
  }

  async ends(topic: string): Promise<readonly PartitionEnds[]> {
    const offsets = await this.#needing([topicNeed('DESCRIBE', topic)], () =>
      awaitLeaders(unledMs, () => this.#admin.fetchTopicOffsets(topic)),
    );
    return offsets
      .map(({ partition, low, high }) => ({
        partition,
        logStart: Number(low),
        highWatermark: Number(high),
      }))
      .sort((a, b) => a.partition - b.partition);
  }

  async lag(group: string, topic: string): Promise<readonly PartitionLag[]> {
    // The ends are read last: the other way round, work done in between would look like negative lag.
    const committed = await this.committed(group, topic);
    const ends = await this.ends(topic);
    return ends.map(({ partition, logStart, highWatermark }) => {
      const at = committed.find((one) => one.partition === partition);
      const from = Math.max(at?.offset ?? -1, logStart);
      return { partition, records: Math.max(0, highWatermark - from - (at?.doneBeyond ?? 0)) };
    });
  }

  #needing<T>(needs: readonly Need[], ask: () => Promise<T>): Promise<T> {
    return needing(this.#principal, needs, ask);
  }

  /** A topic that this principal may not describe is on no list, so it looks as if it did not exist. */
  async #checkAbsent(names: readonly string[]): Promise<void> {
    for (const name of names) {
      const isThere = await this.#isThere(name);
      const need = topicNeed('DESCRIBE', name);
      if (isThere) throw new MissingRightError(this.#principal, need, 'TOPIC_AUTHORIZATION_FAILED');
    }
  }

  async #isThere(name: string): Promise<boolean> {
    try {
      await this.#needing([topicNeed('DESCRIBE_CONFIGS', name)], () =>
        this.#admin.describeConfigs({
          includeSynonyms: false,
          resources: [{ type: ConfigResourceTypes.TOPIC, name, configNames: [] }],
        }),
      );
      return true;
    } catch (error) {
      if ((error as { type?: string }).type === 'UNKNOWN_TOPIC_OR_PARTITION') return false;
      throw error;
    }
  }

  async #describe(names: readonly string[]): Promise<Map<string, ExistingTopic>> {
    if (names.length === 0) return new Map();
    const [metadata, configs] = await Promise.all([
      this.#admin.fetchTopicMetadata({ topics: [...names] }),
      this.#needing([topicNeed('DESCRIBE_CONFIGS', ...names)], () =>
        this.#admin.describeConfigs({
          includeSynonyms: false,
          resources: names.map((name) => ({ type: ConfigResourceTypes.TOPIC, name })),
        }),
      ).catch(async (error: unknown) => {
        // Kafka does not name the refused topic, so each is asked for alone.
        if (error instanceof MissingRightError) for (const name of names) await this.#isThere(name);
        throw error;
      }),
    ]);
    const settings = new Map(
      configs.resources.map(({ resourceName, configEntries }) => [
        resourceName,
        Object.fromEntries(configEntries.map((entry) => [entry.configName, entry.configValue])),
      ]),
    );
    return new Map(
      metadata.topics.map(({ name, partitions }) => [
        name,
        {
          partitions: partitions.length,
          replicas: Math.min(...partitions.map(({ replicas }) => replicas.length)),
          settings: settings.get(name) ?? {},
        },
      ]),
    );
  }

  async #create(plans: readonly TopicPlan[]): Promise<void> {
    const topics = plans.map(({ topic, partitions, replicas, settings }) => ({
      topic,
      numPartitions: partitions,
      replicationFactor: replicas,
      configEntries: Object.entries(settings).map(([name, value]) => ({ name, value })),
    }));
    const need = topicNeed('CREATE', ...topics.map(({ topic }) => topic));
    await this.#needing([need], () => createTopics(this.#admin, topics));
  }
}
