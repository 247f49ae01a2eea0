/** The Kafka connections of the `afterbuild dlq` commands: opened before the work, closed after it. */
import { matches, type DeadLetterFilter } from '../../lib/dead-letters/filter';
import type { DeadLetter } from '../../lib/dead-letters/dead-letter';
import type { DeadLetterPlace } from '../../lib/dead-letters/places';
import { scanTopic, type DeadLetterLog, type ScannedTopic } from '../../lib/dead-letters/scan';
import { createTopicAdmin, type TopicAdmin } from '../../lib/kafka/topics/admin';
import { createKafka } from '../../lib/kafka/kafkajs/create-kafka';
import { createLogReader } from '../../lib/kafka/log-reader';
import { createProducer, type RecordProducer } from '../../lib/kafka/producer';
import { systemClock } from '../../lib/process/clock';
import { topicsSchema } from '../../lib/kafka/topics/topics-config';
import { ConfigError, loadConfig } from '../../lib/process/config';
import { createLogger } from '../../lib/process/logger';
import { kafkaOf, reach } from '../reach';

export interface DeadLetterSession {
  readonly admin: TopicAdmin;
  readonly log: DeadLetterLog;
  /** Connected at its first use. */
  readonly producer: () => Promise<RecordProducer>;
  /** Those of the places whose topic exists. @throws ConfigError when none does. */
  readonly existing: (places: readonly DeadLetterPlace[]) => Promise<readonly DeadLetterPlace[]>;
}

export interface ScannedPlace extends ScannedTopic {
  readonly place: DeadLetterPlace;
}

export async function withDeadLetters<T>(
  work: (session: DeadLetterSession) => Promise<T>,
): Promise<T> {
  const config = loadConfig(topicsSchema, process.env);
  const namespace = config.AFTERBUILD_NAMESPACE;
  // The user sees an error as one sentence; the client's own lines would hide it.
  const kafka = createKafka(config, 'afterbuild-dlq', createLogger('afterbuild', 'silent'));
  const admin = createTopicAdmin(kafka, { namespace });
  const reader = createLogReader(kafka, systemClock, Math.random);
  let producing: Promise<RecordProducer> | null = null;
  const producer = (): Promise<RecordProducer> => {
    const made = createProducer(kafka);
    producing ??= made.connect().then(() => made);
    return producing;
  };
  try {
    await reach(kafkaOf(config), () => Promise.all([admin.connect(), reader.connect()]));
    return await work({
      admin,
      log: {
        ends: (topic) => admin.ends(topic),
        read: (at, from, to) => reader.read(at, from, to),
      },
      producer,
      existing: (places) => existingOf(admin, places),
    });
  } finally {
    await Promise.all([admin.disconnect(), reader.disconnect()]);
    await (producing as Promise<RecordProducer> | null)?.then((made) => made.disconnect());
  }
}

async function existingOf(
  admin: TopicAdmin,
  places: readonly DeadLetterPlace[],
): Promise<readonly DeadLetterPlace[]> {
  const plans = await admin.plan();
  const missing = new Set(
    plans.filter(({ action }) => action === 'create').map(({ topic }) => topic),
  );
  const existing = places.filter(({ topic }) => !missing.has(topic));
  if (existing.length > 0 || places.length === 0) return existing;
  const names = places.map(({ topic }) => topic).join(', ');
  throw new ConfigError(`There is no topic ${names}: afterbuild topics apply creates it.`);
}

/** Reads the topics one after the other. @throws the signal's reason. */
export async function scanPlaces(
  log: DeadLetterLog,
  places: readonly DeadLetterPlace[],
  signal: AbortSignal,
): Promise<ScannedPlace[]> {
  const scanned: ScannedPlace[] = [];
  for (const place of places)
    scanned.push({ place, ...(await scanTopic(log, place.topic, signal)) });
  return scanned;
}

export const waitingOf = (letters: readonly DeadLetter[], filter: DeadLetterFilter): DeadLetter[] =>
  letters.filter((letter) => letter.settled === null && matches(letter, filter));
