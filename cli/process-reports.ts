/** Reads what `afterbuild status` and the page of `afterbuild ui` show of each process. */
import { Flags } from '../lib/control/flags';
import { reportOf, type Known, type ProcessReport } from '../lib/control/status-report';
import { workOf, type PartitionWork } from '../lib/control/work-left';
import { scanTopic, type DeadLetterLog } from '../lib/dead-letters/scan';
import type { LogReader } from '../lib/kafka/log-reader';
import { MissingRightError } from '../lib/kafka/missing-right';
import type { TopicAdmin } from '../lib/kafka/topics/admin';
import { failureGroups, failureTopics, retryDelays, topicNames } from '../lib/kafka/topics/topics';
import { systemClock } from '../lib/process/clock';
import {
  consumerNames,
  processes,
  processNames,
  producerNames,
  type ProcessName,
} from '../lib/process/processes';
import type { Control, InstanceStatus } from '../schemas/generated';
import type { StateRecord } from './control-topic';

/** The servers that one round asks. */
interface Asked {
  readonly namespace: string;
  readonly admin: TopicAdmin;
  readonly counts: DeadLetterCounts;
  readonly signal: AbortSignal;
}

export interface ReadProcess {
  readonly report: ProcessReport;
  /** Of its topic and its retry topics; empty where Kafka knows no such topic or group. */
  readonly partitions: readonly PartitionWork[];
}

/** The content of the two state topics. */
export class TopicState {
  readonly flags = new Flags();
  readonly instances = new Map<string, InstanceStatus>();
  readonly topics = [
    {
      name: topicNames.control,
      onState: ({ key, value }: StateRecord<Control>) => void this.flags.put(value, key),
    },
    {
      name: topicNames.status,
      onState: ({ key, value }: StateRecord<InstanceStatus>) => {
        if (value === null) this.instances.delete(key);
        else this.instances.set(key, value);
      },
    },
  ];
}

/** In the order of `processNames`. @throws MissingRightError. */
export async function readProcesses(state: TopicState, asked: Asked): Promise<ReadProcess[]> {
  const read = new Map<ProcessName, ReadProcess>();
  // The reports of the consumer show what a producer waits for, and when all is done.
  for (const process of [...consumerNames, ...producerNames]) {
    const { known, partitions } = await knownOf(state, asked, process);
    const consumer = read.get(processes[process].feeds ?? process)?.report;
    const report = reportOf(known, systemClock.nowMs(), consumer);
    read.set(process, { report, partitions });
  }
  return processNames.flatMap((process) => read.get(process) ?? []);
}

async function knownOf(
  state: TopicState,
  { namespace, admin, counts, signal }: Asked,
  process: ProcessName,
): Promise<{ readonly known: Known; readonly partitions: readonly PartitionWork[] }> {
  const named = (name: string): string => `${namespace}${name}`;
  const instances = [...state.instances.values()].filter((one) => one.process === process);
  const flags = state.flags.of(process, systemClock.nowMs());
  const nothing = { process, instances, flags, work: null, deadLetters: null };
  const place = failureGroups.find(({ group }) => group === process);
  if (!place) return { known: nothing, partitions: [] };
  const { topic, group, retries } = place;
  const delays = retries ? retryDelays : [];
  const topics = [topic, ...delays.map((delay) => failureTopics.retry(topic, group, delay))];
  const partitions = await partitionsOf(admin, named(group), topics.map(named));
  const work = partitions.length === 0 ? null : workOf(partitions);
  const deadLetters = await counts.of(named(failureTopics.deadLetters(topic, group)), signal);
  return { known: { ...nothing, work, deadLetters }, partitions };
}

/** Without the first topic nothing is known; retry topics may be missing. */
async function partitionsOf(
  admin: TopicAdmin,
  group: string,
  topics: readonly string[],
): Promise<readonly PartitionWork[]> {
  const settled = await Promise.allSettled(topics.map((topic) => readWork(admin, group, topic)));
  for (const one of settled) if (one.status === 'rejected') throwIfRefused(one.reason);
  if (settled[0]?.status !== 'fulfilled') return [];
  return settled.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
}

/** A topic without the right to describe it is not reported as missing. */
function throwIfRefused(error: unknown): void {
  if (error instanceof MissingRightError) throw error;
}

/** The ends are read last: the other way round, work done in between would look like negative lag. */
async function readWork(admin: TopicAdmin, group: string, topic: string): Promise<PartitionWork[]> {
  const committed = await admin.committed(group, topic);
  const ends = await admin.ends(topic);
  return ends.map(({ partition, logStart, highWatermark }) => {
    const at = committed.find((one) => one.partition === partition);
    const { offset = -1, doneBeyond = 0 } = at ?? {};
    return { topic, partition, logStart, logEnd: highWatermark, committed: offset, doneBeyond };
  });
}

/** Read again only after new writes: redriving and parking leave a marker. */
export class DeadLetterCounts {
  readonly #counts = new Map<string, { readonly ends: string; readonly waiting: number }>();
  readonly #log: DeadLetterLog;

  constructor(admin: Pick<TopicAdmin, 'ends'>, reader: Pick<LogReader, 'read'>) {
    this.#log = {
      ends: (topic) => admin.ends(topic),
      read: (at, from, to) => reader.read(at, from, to),
    };
  }

  /** @returns null where the topic does not exist yet. */
  async of(topic: string, signal: AbortSignal): Promise<number | null> {
    try {
      const ends = JSON.stringify(await this.#log.ends(topic));
      const known = this.#counts.get(topic);
      if (known?.ends === ends) return known.waiting;
      const { letters } = await scanTopic(this.#log, topic, signal);
      const waiting = letters.filter(({ settled }) => settled === null).length;
      this.#counts.set(topic, { ends, waiting });
      return waiting;
    } catch (error) {
      signal.throwIfAborted();
      throwIfRefused(error);
      return null; // made by `topics apply`; a cluster without it has no dead letters yet
    }
  }
}
