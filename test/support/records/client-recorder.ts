/** Clients of the port on groups of their own, and a listener that records its callbacks. */
import { pino } from 'pino';
import type {
  Assignment,
  ClientListener,
  ClientSettings,
  FetchedBatch,
} from '../../../lib/kafka/client-port';
import { KafkaJsClient } from '../../../lib/kafka/kafkajs/client';
import { defaultSettings } from '../../../lib/runtime/settings';
import { systemClock } from '../../../lib/process/clock';
import { KafkaGroup } from './kafka-group';

/** Takes everything, and records the callbacks in order. */
export class Recorder implements ClientListener {
  readonly assignments: Assignment[] = [];
  readonly batches: FetchedBatch[] = [];
  readonly filtered: { firstOffset: number | null; lastOffset: number }[] = [];
  readonly fatal: Error[] = [];
  proofs = 0;
  accepts = true;
  onJoin: (assignment: Assignment) => void = () => undefined;
  beforeRejoin: () => Promise<void> = () => Promise.resolve();

  onJoined(assignment: Assignment): void {
    this.assignments.push(assignment);
    this.onJoin(assignment);
  }
  onBeforeRejoin(): Promise<void> {
    return this.beforeRejoin();
  }
  onProved(): void {
    this.proofs += 1;
  }
  onLeft(): void {
    throw new Error('nothing here may crash the client');
  }
  onBatch(batch: FetchedBatch, accept: () => void): Promise<void> {
    this.batches.push(batch);
    if (this.accepts) accept();
    return Promise.resolve();
  }
  onFiltered(at: { firstOffset: number | null; lastOffset: number }): void {
    this.filtered.push(at);
  }
  onFatal(error: Error): void {
    this.fatal.push(error);
  }

  get epoch(): number {
    return this.assignments.at(-1)?.epoch ?? 0;
  }
  get offsets(): number[] {
    return this.batches.flatMap(({ records }) => records.map(({ offset }) => offset));
  }
}

/** The session of every client here: short, so that a test can wait longer. */
export const sessionTimeoutMs = 6_000;

interface Clients {
  group(name: string, partitions: number, settings?: Record<string, string>): Promise<KafkaGroup>;
  client(group: KafkaGroup, settings?: Partial<ClientSettings>): KafkaJsClient;
}

/** Registers their end after each test of the file. */
export function useClients(): Clients {
  const clients: KafkaJsClient[] = [];
  const groups: KafkaGroup[] = [];
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.stop()));
    await Promise.all(groups.splice(0).map((group) => group.end()));
  });
  return {
    group: async (name, partitions, topicSettings) => {
      const group = new KafkaGroup(name);
      groups.push(group);
      await group.create(partitions, topicSettings);
      return group;
    },
    client: ({ kafka, group, topic }, over = {}) => {
      const settings = { ...defaultSettings, sessionTimeoutMs, heartbeatEveryMs: 300, ...over };
      const topics = [{ topic, everyMember: false }];
      const logger = pino({ level: 'silent' });
      const client = new KafkaJsClient({
        kafka,
        group,
        topics,
        settings,
        logger,
        clock: systemClock,
        random: Math.random,
      });
      clients.push(client);
      return client;
    },
  };
}
