/** What the commands of `afterbuild replay` ask Kafka: offsets, groups, records, and the replays that are known. */
import { createTopicAdmin, type TopicAdmin } from '../../lib/kafka/topics/admin';
import { createGroupAdmin, type GroupAdmin } from '../../lib/kafka/topics/groups';
import { topicNames } from '../../lib/kafka/topics/topics';
import { createKafka } from '../../lib/kafka/kafkajs/create-kafka';
import { createLogReader, type LogReader } from '../../lib/kafka/log-reader';
import { systemClock } from '../../lib/process/clock';
import { controlSchema, loadConfig } from '../../lib/process/config';
import { createLogger } from '../../lib/process/logger';
import {
  KnownReplays,
  replayGroup,
  replayKey,
  wishKey,
  type ReplayName,
} from '../../lib/replay/record';
import type { Control } from '../../schemas/generated';
import {
  followTopics,
  writeDecision,
  type ControlConfig,
  type StateRecord,
} from '../control-topic';
import { kafkaOf, reach } from '../reach';

export interface ReplaySession {
  readonly config: ControlConfig;
  readonly admin: TopicAdmin;
  readonly groups: GroupAdmin;
  readonly log: LogReader;
  readonly replays: KnownReplays;
  /** Learns what was decided since. */
  readonly readOn: () => Promise<void>;
  /** Full name, namespace included. */
  readonly named: (name: string) => string;
  readonly write: (key: string, value: Control | null) => Promise<void>;
}

/** @throws Error that names the server which does not answer. */
export async function withReplays<T>(work: (session: ReplaySession) => Promise<T>): Promise<T> {
  const config = loadConfig(controlSchema, process.env);
  const namespace = config.AFTERBUILD_NAMESPACE;
  const kafka = createKafka(config, 'afterbuild-replay', createLogger('afterbuild', 'silent'));
  const admin = createTopicAdmin(kafka, { namespace });
  const groups = createGroupAdmin(kafka);
  const log = createLogReader(kafka, systemClock, Math.random);
  const open = [admin, groups, log];
  const replays = new KnownReplays();
  try {
    await reach(kafkaOf(config), () => Promise.all(open.map((one) => one.connect())));
    const onState = ({ key, value }: StateRecord<Control>): void => replays.learn(key, value);
    const followed = await followTopics(config, [{ name: topicNames.control, onState }]);
    try {
      return await work({
        ...{ config, admin, groups, log, replays, readOn: followed.readOn },
        named: (name) => `${namespace}${name}`,
        write: (key, value) => writeDecision(config, key, value),
      });
    } finally {
      await followed.end();
    }
  } finally {
    await Promise.all(open.map((one) => one.disconnect().catch(() => undefined)));
  }
}

/** Nothing is left of the replay: its progress, its range, and what was wanted of it. */
export async function forget(
  { groups, named, write }: ReplaySession,
  of: ReplayName,
): Promise<void> {
  await groups.remove(named(replayGroup(of)));
  await write(replayKey(of), null);
  await write(wishKey(of), null);
}
