/** Connects what a producer reads from and writes to: GitLab's database, Kafka, the change stream. */
import type { ChangeTable } from '../connect/needed-tables';
import { createStreamWatch, type WatchStream } from '../connect/watch-stream';
import { createProducer, type RecordProducer } from '../kafka/producer';
import { createTopicAdmin, type TopicAdmin } from '../kafka/topics/admin';
import { countProduced } from '../metrics/effects';
import type { Connections } from '../process/config';
import { asMember } from '../runtime/membership-guard';
import { openDatabase } from '../service/open-database';
import type { GroupContext } from '../service/run-group';
import { untilReachable } from '../service/until-reachable';
import type { PostgresPool } from '../stores/postgres/pool';

/** Pages of several sweeps and checks of several lanes side by side. */
const connectionsMax = 6;

type SourceSettings = Parameters<typeof openDatabase>[0]['config'] &
  Pick<Connections, 'CONNECT_URL'> & {
    readonly CDC_CONNECTOR: string;
    readonly CDC_SLOT: string;
    readonly CDC_WATCH_MS: number;
  };

interface Source {
  readonly pool: PostgresPool;
  /** Sends nothing while membership is not proved, and counts what it has sent. */
  readonly producer: RecordProducer;
  readonly admin: TopicAdmin;
  readonly watchStream: WatchStream;
}

/**
 * @param table whose changes are read. @param restarts whether this process restarts failed tasks of the connector: one
 * of the processes does.
 * @throws ConfigError when the database is another one than configured; UnreachableError when a server does not answer.
 */
export async function openSource(
  context: GroupContext<SourceSettings>,
  { table, restarts }: { readonly table: ChangeTable; readonly restarts: boolean },
): Promise<Source> {
  const { config, kafka, metrics, mayBegin, closeAtEnd, waiting } = context;
  const pool = await openDatabase(context, { connectionsMax });
  const producer = asMember(countProduced(createProducer(kafka), metrics), mayBegin);
  const admin = createTopicAdmin(kafka, { namespace: config.AFTERBUILD_NAMESPACE });
  for (const one of [producer, admin]) closeAtEnd(() => one.disconnect());
  const brokers = `Kafka at ${config.KAFKA_BROKERS.join(', ')}`;
  const connectBoth = () => Promise.all([producer.connect(), admin.connect()]);
  await untilReachable(brokers, connectBoth, waiting);
  const watchStream = createStreamWatch({ settings: config, table, pool, topics: admin, restarts });
  return { pool, producer, admin, watchStream };
}

/** Repeats work that needs the schema registry until it answers. @throws UnreachableError at the limit. */
export const untilRegistered = <T>(
  { config, waiting }: GroupContext<SourceSettings>,
  work: () => Promise<T>,
): Promise<T> =>
  untilReachable(`The schema registry at ${config.SCHEMA_REGISTRY_URL}`, work, waiting);
