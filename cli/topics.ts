/** `afterbuild topics plan|apply`: the topics of lib/kafka/topics/topics.ts, compared with those of the cluster. */
import type { Command } from 'commander';
import { createTopicAdmin, type TopicAdmin } from '../lib/kafka/topics/admin';
import { createKafka } from '../lib/kafka/kafkajs/create-kafka';
import { acknowledgedBy } from '../lib/kafka/topics/durability';
import { topicsWith } from '../lib/kafka/topics/partition-counts';
import type { TopicPlan } from '../lib/kafka/topics/topic-plan';
import { topicsSchema } from '../lib/kafka/topics/topics-config';
import { loadConfig } from '../lib/process/config';
import { createLogger } from '../lib/process/logger';
import { action } from './action';
import { exitCodes, type ExitCode } from './exit-codes';
import { kafkaOf, reach } from './reach';
import { jsonOption, printResult, type OutputOptions } from './output';

interface ApplyOptions extends OutputOptions {
  readonly grow?: boolean;
}

export function addTopicsCommand(program: Command): void {
  const topics = program.command('topics').description('the topics of the pipeline');
  topics
    .command('plan')
    .description(
      'what apply would do, and which topics cannot be used; exit code 3 when one cannot',
    )
    .option(...jsonOption)
    .action(action(plan));
  topics
    .command('apply')
    .description('create missing topics; existing ones are checked, and changed by --grow only')
    .option('--grow', 'add missing partitions, up to TOPIC_PARTITIONS')
    .option(...jsonOption)
    .action(action(apply));
}

async function plan(options: OutputOptions): Promise<ExitCode> {
  const plans = await withAdmin((admin) => admin.plan());
  printResult(options, plans, linesOf(plans));
  const isUnfit = plans.some(({ action: what }) => what === 'unfit');
  return isUnfit ? exitCodes.configuration : exitCodes.ok;
}

async function apply(options: ApplyOptions): Promise<ExitCode> {
  const plans = await withAdmin((admin) => admin.apply({ grow: options.grow === true }));
  printResult(options, plans, linesOf(plans));
  return exitCodes.ok;
}

/** One line for each topic, and one more where an acknowledgement is less safe than it seems. */
function linesOf(plans: readonly TopicPlan[]): string[] {
  const width = Math.max(0, ...plans.map(({ topic }) => topic.length));
  return [...plans.map((one) => lineOf(one, width)), ...remarkOf(plans)];
}

function lineOf({ topic, action: what, problems, ...counts }: TopicPlan, width: number): string {
  const { partitions, partitionsWanted: wanted, replicas, minInsyncReplicas } = counts;
  const many = partitions === wanted ? `${partitions}` : `${partitions} (${wanted} configured)`;
  const numbers = `${many} partitions, ${replicas} replicas, ${minInsyncReplicas} in sync`;
  const more = what === 'grow' ? [`topics apply --grow adds ${wanted - partitions}`] : problems;
  const reason = more.length === 0 ? '' : `  ${more.join(' ')}`;
  return `${what.padEnd(6)}  ${topic.padEnd(width)}  ${numbers}${reason}`;
}

function remarkOf(plans: readonly TopicPlan[]): string[] {
  const weak = plans.filter(
    ({ action: what, replicas, minInsyncReplicas }) =>
      what !== 'unfit' && acknowledgedBy(replicas, minInsyncReplicas) === 1,
  );
  if (weak.length === 0) return [];
  const names =
    weak.length === plans.length ? 'any topic' : weak.map(({ topic }) => topic).join(', ');
  return [
    `remark  one replica may be all that has a record of ${names}: the loss of one broker's disk can lose what was ` +
      'acknowledged (docs/runbooks/on-your-gitlab.md, How many partitions, how many replicas)',
  ];
}

/** The client's own connection attempts are limited, and so is every request. */
async function withAdmin<T>(work: (admin: TopicAdmin) => Promise<T>): Promise<T> {
  const config = loadConfig(topicsSchema, process.env);
  const admin = createTopicAdmin(createKafka(config, 'afterbuild', quietLogger()), {
    namespace: config.AFTERBUILD_NAMESPACE,
    replicationFactor: config.KAFKA_REPLICATION_FACTOR,
    minInsyncReplicas: config.KAFKA_MIN_INSYNC_REPLICAS,
    definitions: topicsWith(config.TOPIC_PARTITIONS),
  });
  try {
    await reach(kafkaOf(config), () => admin.connect());
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}

/** The user sees an error as one sentence; the client's own lines would hide it. */
const quietLogger = (): ReturnType<typeof createLogger> => createLogger('afterbuild', 'silent');
