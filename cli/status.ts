/** `afterbuild status`: what every process is doing, why, and how much is left. */
import { type Command, InvalidArgumentError } from 'commander';
import { scanTopic, type DeadLetterLog } from '../lib/dead-letters/scan';
import { Flags } from '../lib/control/flags';
import {
  consumerNames,
  processes,
  processNames,
  producerNames,
  type ProcessName,
} from '../lib/process/processes';
import {
  reportOf,
  type Known,
  type ProcessReport,
  type WorkLeft,
} from '../lib/control/status-report';
import { createTopicAdmin, type TopicAdmin } from '../lib/kafka/topics/admin';
import { createLogReader } from '../lib/kafka/log-reader';
import { createKafka } from '../lib/kafka/kafkajs/create-kafka';
import { MissingRightError } from '../lib/kafka/missing-right';
import { failureGroups, failureTopics, retryDelays, topicNames } from '../lib/kafka/topics/topics';
import { systemClock } from '../lib/process/clock';
import { controlSchema, loadConfig } from '../lib/process/config';
import { exitCodeOf } from '../lib/service/exit-code-of';
import { createLogger } from '../lib/process/logger';
import { UnreachableError } from '../lib/process/unreachable-error';
import type { Control, InstanceStatus } from '../schemas/generated';
import { action } from './action';
import { followTopics, type ControlConfig, type StateRecord } from './control-topic';
import { type ExitCode, exitCodes } from './exit-codes';
import { jsonOption, printResult, type OutputOptions } from './output';
import { kafkaOf, reach } from './reach';
import { linesOf } from './status-lines';

interface StatusOptions extends OutputOptions {
  readonly watch?: boolean;
  readonly every: string;
}

const clearScreen = '\u001b[2J\u001b[H';

export function addStatusCommand(program: Command): void {
  program
    .command('status')
    .description('what every process is doing, why, how much is left and when it will be done')
    .option('--watch', 'repeat until Ctrl-C')
    .option('--every <seconds>', 'with --watch: how often', '2')
    .option(...jsonOption)
    .action(action(status));
}

async function status(options: StatusOptions, signal: AbortSignal): Promise<ExitCode> {
  if (!/^[1-9][0-9]{0,4}$/.test(options.every)) {
    throw new InvalidArgumentError('--every must be a whole number of seconds from 1.');
  }
  const config = loadConfig(controlSchema, process.env);
  const state = new TopicState();
  const { readOn, unread, end } = await followTopics(config, state.topics);
  const kafka = createKafka(config, 'afterbuild', silent);
  const reader = createLogReader(kafka, systemClock, Math.random);
  const admin = createTopicAdmin(kafka, {
    namespace: config.AFTERBUILD_NAMESPACE,
  });
  const counts = new DeadLetterCounts({
    ends: (topic) => admin.ends(topic),
    read: (at, from, to) => reader.read(at, from, to),
  });
  const asked: Asked = { admin, counts, signal };
  try {
    await reach(kafkaOf(config), () => Promise.all([admin.connect(), reader.connect()]));
    const round = async (): Promise<void> =>
      print(options, await readReports(config, state, asked));
    await round();
    const pause = (): Promise<boolean> =>
      systemClock.sleep(Number(options.every) * 1_000, signal).then(
        () => true,
        () => false,
      );
    while (options.watch === true && (await pause())) {
      await readOn().catch(waitOut);
      await round();
    }
    const notRead = unread();
    if (notRead !== null) throw new UnreachableError(notRead);
    return exitCodes.ok;
  } finally {
    await Promise.all([admin.disconnect(), reader.disconnect()]);
    await end();
  }
}

/** During an outage the command goes on, so that its end is shown, too; unknown values are shown as unknown. */
function waitOut(error: unknown): void {
  if (exitCodeOf(error) !== exitCodes.unreachable) throw error;
}

const silent = createLogger('afterbuild', 'silent');

/** The servers that one round asks. */
interface Asked {
  readonly admin: TopicAdmin;
  readonly counts: DeadLetterCounts;
  readonly signal: AbortSignal;
}

/** The content of the two state topics. */
class TopicState {
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

function print(options: StatusOptions, reports: readonly ProcessReport[]): void {
  const nowMs = systemClock.nowMs();
  if (options.watch === true && options.json !== true && process.stdout.isTTY) {
    process.stdout.write(clearScreen);
  }
  printResult(options, { atMs: nowMs, processes: reports }, [
    ...reports.flatMap((report) => linesOf(report, nowMs)),
  ]);
}

async function readReports(
  config: ControlConfig,
  state: TopicState,
  asked: Asked,
): Promise<ProcessReport[]> {
  const reports = new Map<ProcessName, ProcessReport>();
  // The reports of the consumer show what a producer waits for, and when all is done.
  for (const process of [...consumerNames, ...producerNames]) {
    const known = await knownOf(config, state, asked, process);
    const consumer = reports.get(processes[process].feeds ?? process);
    reports.set(process, reportOf(known, systemClock.nowMs(), consumer));
  }
  return processNames.flatMap((process) => reports.get(process) ?? []);
}

async function knownOf(
  config: ControlConfig,
  state: TopicState,
  { admin, counts, signal }: Asked,
  process: ProcessName,
): Promise<Known> {
  const named = (name: string): string => `${config.AFTERBUILD_NAMESPACE}${name}`;
  const instances = [...state.instances.values()].filter((one) => one.process === process);
  const flags = state.flags.of(process, systemClock.nowMs());
  const place = failureGroups.find(({ group }) => group === process);
  if (!place) return { process, instances, flags, work: null, deadLetters: null };
  const { topic, group, retries } = place;
  const delays = retries ? retryDelays : [];
  const topics = [topic, ...delays.map((delay) => failureTopics.retry(topic, group, delay))];
  const work = await sumOf(topics.map((one) => workLeft(admin, named(group), named(one))));
  const deadLetters = await counts.of(named(failureTopics.deadLetters(topic, group)), signal);
  return { process, instances, flags, work, deadLetters };
}

async function sumOf(parts: readonly Promise<WorkLeft>[]): Promise<WorkLeft | null> {
  const settled = await Promise.allSettled(parts);
  const known = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  for (const one of settled) if (one.status === 'rejected') throwIfRefused(one.reason);
  if (settled[0]?.status !== 'fulfilled') return null;
  return known.reduce((a, b) => ({ records: a.records + b.records, lost: a.lost + b.lost }));
}

/** A topic without the right to describe it is not reported as missing. */
function throwIfRefused(error: unknown): void {
  if (error instanceof MissingRightError) throw error;
}

/** The ends are read last: the other way round, work done in between would look like negative lag. */
async function workLeft(admin: TopicAdmin, group: string, topic: string): Promise<WorkLeft> {
  const committed = await admin.committed(group, topic);
  const ends = await admin.ends(topic);
  return ends.reduce<WorkLeft>(
    ({ records, lost }, { partition, logStart, highWatermark }) => {
      const at = committed.find((one) => one.partition === partition);
      const offset = at?.offset ?? -1;
      const done = at?.doneBeyond ?? 0;
      const left = Math.max(0, highWatermark - Math.max(offset, logStart) - done);
      const gone = offset < 0 ? 0 : Math.max(0, logStart - offset - done);
      return { records: records + left, lost: lost + gone };
    },
    { records: 0, lost: 0 },
  );
}

/** Read again only after new writes: redriving and parking leave a marker. */
class DeadLetterCounts {
  readonly #counts = new Map<string, { readonly ends: string; readonly waiting: number }>();

  constructor(private readonly log: DeadLetterLog) {}

  /** @returns null where the topic does not exist yet. */
  async of(topic: string, signal: AbortSignal): Promise<number | null> {
    try {
      const ends = JSON.stringify(await this.log.ends(topic));
      const known = this.#counts.get(topic);
      if (known?.ends === ends) return known.waiting;
      const { letters } = await scanTopic(this.log, topic, signal);
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
