/** `afterbuild status`: what every process is doing, why, and how much is left. */
import { type Command, InvalidArgumentError } from 'commander';
import type { ProcessReport } from '../lib/control/status-report';
import { createTopicAdmin } from '../lib/kafka/topics/admin';
import { createLogReader } from '../lib/kafka/log-reader';
import { createKafka } from '../lib/kafka/kafkajs/create-kafka';
import { systemClock } from '../lib/process/clock';
import { controlSchema, loadConfig } from '../lib/process/config';
import { exitCodeOf } from '../lib/service/exit-code-of';
import { createLogger } from '../lib/process/logger';
import { UnreachableError } from '../lib/process/unreachable-error';
import { action } from './action';
import { followTopics } from './control-topic';
import { type ExitCode, exitCodes } from './exit-codes';
import { jsonOption, printResult, type OutputOptions } from './output';
import { DeadLetterCounts, readProcesses, TopicState } from './process-reports';
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
  const namespace = config.AFTERBUILD_NAMESPACE;
  const admin = createTopicAdmin(kafka, { namespace });
  const asked = { namespace, admin, counts: new DeadLetterCounts(admin, reader), signal };
  try {
    await reach(kafkaOf(config), () => Promise.all([admin.connect(), reader.connect()]));
    const round = async (): Promise<void> =>
      print(
        options,
        (await readProcesses(state, asked)).map(({ report }) => report),
      );
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

function print(options: StatusOptions, reports: readonly ProcessReport[]): void {
  const nowMs = systemClock.nowMs();
  if (options.watch === true && options.json !== true && process.stdout.isTTY) {
    process.stdout.write(clearScreen);
  }
  printResult(options, { atMs: nowMs, processes: reports }, [
    ...reports.flatMap((report) => linesOf(report, nowMs)),
  ]);
}
