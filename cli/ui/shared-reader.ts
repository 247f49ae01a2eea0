/**
 * The one reader behind all viewers: however many look, Kafka is asked once a round. A round begins two seconds after
 * the last one has ended, ten while nobody looks.
 */
import { openRegistry } from '../../lib/avro/open-registry';
import { createWriterDecoder } from '../../lib/avro/codec';
import { createKafka } from '../../lib/kafka/kafkajs/create-kafka';
import { createKafkaWatch, type KafkaWatch } from '../../lib/kafka/kafkajs/kafka-watch';
import { createLogReader, type LogReader } from '../../lib/kafka/log-reader';
import { createTopicAdmin, type TopicAdmin } from '../../lib/kafka/topics/admin';
import { failureGroups, failureTopics, topicNames } from '../../lib/kafka/topics/topics';
import { systemClock } from '../../lib/process/clock';
import { createLogger } from '../../lib/process/logger';
import { followTopics, type ControlConfig } from '../control-topic';
import { DeadLetterCounts, readProcesses, TopicState, type ReadProcess } from '../process-reports';
import { kafkaOf, reach } from '../reach';
import { CaptureWatch, nothingCaptured, type Captured } from './capture';
import { FailedTopics, type FailedTopic } from './failed-topic';
import { Memberships, type Membership } from './membership';
import type { Reading } from './page-state';

const watchedEveryMs = 2_000;
const unwatchedEveryMs = 10_000;
const registryLimitMs = 3_000;
/** A round takes a second or two. */
const lateMs = 10_000;

const silent = createLogger('afterbuild', 'silent');

export const heartbeatTopic = (namespace: string): string => `__debezium-heartbeat.${namespace}cdc`;

/** What the page reads with; it has no producer, so nothing can be written. */
export interface PageSources {
  readonly admin: TopicAdmin;
  readonly reader: LogReader;
  readonly watch: KafkaWatch;
  readonly close: () => Promise<void>;
}

/** @throws UnreachableError when Kafka does not answer. */
export async function openSources(config: ControlConfig): Promise<PageSources> {
  const kafka = createKafka(config, 'afterbuild-ui', silent);
  const admin = createTopicAdmin(kafka, { namespace: config.AFTERBUILD_NAMESPACE });
  const reader = createLogReader(kafka, systemClock, Math.random);
  const watch = createKafkaWatch(kafka);
  const all = [admin, reader, watch];
  const close = async (): Promise<void> => {
    await Promise.allSettled(all.map((one) => one.disconnect()));
  };
  try {
    await reach(kafkaOf(config), () => Promise.all(all.map((one) => one.connect())));
  } catch (error) {
    await close();
    throw error;
  }
  return { admin, reader, watch, close };
}

interface SharedReaderOptions {
  readonly config: ControlConfig;
  readonly sources: PageSources;
  /** Whether somebody looks. */
  readonly isWatched: () => boolean;
  readonly onReading: (reading: Reading) => void;
  readonly onFailure: (sentence: string) => void;
}

/** Ends by the signal's reason. @throws UnreachableError when Kafka does not answer at the beginning. */
export async function readOnAndOn(
  options: SharedReaderOptions,
  signal: AbortSignal,
): Promise<never> {
  const state = new TopicState();
  const { readOn, end } = await followTopics(options.config, state.topics);
  const rounds = new Rounds(options, state, signal);
  let beganMs = Infinity;
  // A server that is silent lets a request wait for long, and the client tries it again several times.
  const endWatch = systemClock.every(lateMs / 2, () => {
    if (systemClock.nowMs() - beganMs > lateMs) options.onFailure('Kafka does not answer.');
  });
  try {
    for (;;) {
      beganMs = systemClock.nowMs();
      await readOn()
        .then(() => rounds.read())
        .then(options.onReading)
        .catch((error: unknown) => {
          signal.throwIfAborted();
          options.onFailure(sentenceOf(error));
        });
      beganMs = Infinity;
      await pause(options.isWatched, signal);
    }
  } finally {
    endWatch();
    await end();
  }
}

/** A viewer that comes during the longer pause ends it. @throws the signal's reason. */
async function pause(isWatched: () => boolean, signal: AbortSignal): Promise<void> {
  const stepMs = 250;
  for (let waitedMs = 0; waitedMs < unwatchedEveryMs; waitedMs += stepMs) {
    if (waitedMs >= watchedEveryMs && isWatched()) return;
    await systemClock.sleep(stepMs, signal);
  }
}

const sentenceOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

/** One look after the other at everything that the page shows. */
class Rounds {
  readonly #options: SharedReaderOptions;
  readonly #state: TopicState;
  readonly #signal: AbortSignal;
  readonly #counts: DeadLetterCounts;
  readonly #failed: FailedTopics;
  readonly #capture: CaptureWatch;
  readonly #members = new Map<string, Memberships>();
  #problems: string[] = [];

  constructor(options: SharedReaderOptions, state: TopicState, signal: AbortSignal) {
    const { config, sources } = options;
    const { admin, reader } = sources;
    const namespace = config.AFTERBUILD_NAMESPACE;
    const decode = createWriterDecoder<Record<string, unknown>>(
      openRegistry(config, { timeoutMs: registryLimitMs }),
    );
    this.#options = options;
    this.#state = state;
    this.#signal = signal;
    this.#counts = new DeadLetterCounts(admin, reader);
    this.#failed = new FailedTopics({
      ends: (topic) => admin.ends(topic),
      read: (at, from, to) => reader.read(at, from, to),
    });
    this.#capture = new CaptureWatch({
      ...{ admin, reader },
      existing: () => sources.watch.topics(),
      heartbeats: heartbeatTopic(namespace),
      changes: [topicNames.artifactChanges, topicNames.buildChanges].map(
        (name) => `${namespace}${name}`,
      ),
      committedAt: async (value) => committedAtOf(await decode(value)),
    });
  }

  async read(): Promise<Reading> {
    this.#problems = [];
    const { config, sources } = this.#options;
    const namespace = config.AFTERBUILD_NAMESPACE;
    const asked = { namespace, admin: sources.admin, counts: this.#counts, signal: this.#signal };
    const read = await readProcesses(this.#state, asked);
    const processes = [];
    for (const one of read) {
      const group = await this.#try(() => this.#groupOf(one.report.process), null);
      processes.push({ ...one, group });
    }
    const failed = await this.#readFailed(read);
    const captured = await this.#try<Captured>(() => this.#capture.look(), nothingCaptured);
    const problems = [...new Set(this.#problems)];
    return { atMs: systemClock.nowMs(), processes, failed, captured, problems };
  }

  async #groupOf(process: string): Promise<Membership> {
    const { config, sources } = this.#options;
    const members = this.#members.get(process) ?? new Memberships();
    this.#members.set(process, members);
    const group = await sources.watch.group(`${config.AFTERBUILD_NAMESPACE}${process}`);
    const membership = members.learn(group);
    members.forgetAllBut(new Set(group.members.map(({ memberId }) => memberId)));
    return membership;
  }

  async #readFailed(read: readonly ReadProcess[]): Promise<FailedTopic[]> {
    const namespace = this.#options.config.AFTERBUILD_NAMESPACE;
    const found: FailedTopic[] = [];
    for (const { topic: work, group } of failureGroups) {
      const topic = failureTopics.deadLetters(work, group);
      const full = `${namespace}${topic}`;
      const counted = await this.#try(() => this.#failed.deadLetters(full, this.#signal), null);
      if (counted !== null)
        found.push({ kind: 'dead-letters', topic, fullTopic: full, group, ...counted });
    }
    for (const { report, partitions } of read) {
      const byTopic = Map.groupBy(partitions, ({ topic }) => topic);
      for (const [full, own] of [...byTopic].slice(1)) {
        const counted = await this.#try(() => this.#failed.retries(full, own, this.#signal), null);
        const topic = full.slice(namespace.length);
        if (counted !== null)
          found.push({ kind: 'retry', topic, fullTopic: full, group: report.process, ...counted });
      }
    }
    return found;
  }

  /** One part that cannot be read leaves the others as they are. */
  async #try<T>(read: () => Promise<T>, otherwise: T): Promise<T> {
    try {
      return await read();
    } catch (error) {
      this.#signal.throwIfAborted();
      this.#problems.push(sentenceOf(error));
      return otherwise;
    }
  }
}

/** Debezium adds the time of the commit to each change. */
function committedAtOf(change: Record<string, unknown> | null): number | null {
  const atMs = change?.['__ts_ms'];
  return typeof atMs === 'number' ? atMs : null;
}
