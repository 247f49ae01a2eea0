/** `afterbuild topics plan|apply`: the topics of lib/kafka/topics.ts, compared with those of the cluster. */
import type { Command } from 'commander';
import { createTopicAdmin, type TopicAdmin } from '../lib/kafka/admin';
import { createKafka } from '../lib/kafka/connection';
import type { TopicPlan } from '../lib/kafka/topic-plan';
import { loadConfig, topicsSchema } from '../lib/process/config';
import { createLogger } from '../lib/process/logger';
import { action } from './action';
import { exitCodes, type ExitCode } from './exit-codes';
import { jsonOption, printResult, type OutputOptions } from './output';

export function addTopicsCommand(program: Command): void {
  const topics = program.command('topics').description('the topics of the pipeline');
  topics
    .command('plan')
    .description('what apply would create, and what is not fit; exit code 3 when something is not')
    .option(...jsonOption)
    .action(action(plan));
  topics
    .command('apply')
    .description('create what is missing; a topic that exists is never altered, only judged')
    .option(...jsonOption)
    .action(action(apply));
}

async function plan(options: OutputOptions): Promise<ExitCode> {
  const plans = await withAdmin((admin) => admin.plan());
  printResult(options, plans, plans.flatMap(linesOf));
  return plans.some(({ problems }) => problems.length > 0) ? exitCodes.configuration : exitCodes.ok;
}

async function apply(options: OutputOptions): Promise<ExitCode> {
  const plans = await withAdmin((admin) => admin.apply());
  printResult(options, plans, plans.flatMap(linesOf));
  return exitCodes.ok;
}

export function linesOf({ topic, partitions, action: what, problems }: TopicPlan): string[] {
  return [
    `${what.padEnd(6)}  ${topic}  ${partitions} partitions`,
    ...problems.map((problem) => `unfit   ${problem}`),
  ];
}

/** The client's own connection attempts are bounded, and so is every request. */
async function withAdmin<T>(work: (admin: TopicAdmin) => Promise<T>): Promise<T> {
  const config = loadConfig(topicsSchema, process.env);
  const replicationFactor = config.KAFKA_REPLICATION_FACTOR;
  const admin = createTopicAdmin(createKafka(config, 'afterbuild', quietLogger()), {
    namespace: config.AFTERBUILD_NAMESPACE,
    ...(replicationFactor === undefined ? {} : { replicationFactor }),
  });
  try {
    await admin.connect();
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}

/** What goes wrong reaches the user as one sentence; the client's own lines would hide it. */
const quietLogger = (): ReturnType<typeof createLogger> => createLogger('afterbuild', 'silent');
