/** `npm run stack -- up|status|down`: only the servers, for developers. */
import { dirname, join, resolve } from 'node:path';
import { Argument, Command, CommanderError, Option } from 'commander';
import { projectRoot } from '../../lib/process/root';
import { createFetchProgress } from './fetch/fetch-progress';
import { isRunning, residentBytes } from './stack/process-identity';
import { recordedAndRunning } from './recorded-processes';
import { PortError } from './stack/ports';
import { createProgress, type Progress } from '../../lib/process/progress';
import { addKafkaUi } from './add-kafka-ui';
import { kafkaToolNames, runKafkaTool } from './kafka-tool';
import { kafkaUiUrl } from './stack/kafka-ui';
import { attachStack } from './stack/running-stack';
import { serversOf, type ServerName, type StackShape } from './stack/server';
import {
  StackBusyError,
  StackShapeError,
  chooseShape,
  runningServers,
  startStack,
  stopStack,
} from './stack/stack';
import { readStackFile, stackFilePath, type Addresses } from './stack/stack-file';
import { defaultDataDir } from './start-options';

interface Place {
  /** Left out: the folder of the wanted shape. */
  readonly data?: string;
  /** Left out: the folder's own shape, or one open broker. */
  readonly brokers?: '1' | '3';
  readonly secure?: boolean;
}

function wantedShape({ brokers, secure }: Place): StackShape | undefined {
  if (brokers === undefined && secure === undefined) return undefined;
  if (secure === true && brokers !== '3') {
    throw new CommanderError(exitCodes.usage, 'usage', '--secure goes with --brokers 3.');
  }
  return { brokers: brokers === '3' ? 3 : 1, isSecure: secure === true };
}

/** Each shape has a folder of its own: one cannot become the other. */
function folderOf(place: Place): string {
  if (place.data !== undefined) return resolve(place.data);
  const { brokers, isSecure } = wantedShape(place) ?? { brokers: 1, isSecure: false };
  const further = brokers === 1 ? '' : `-of-${brokers}`;
  return join(projectRoot, `.afterbuild/stack${further}${isSecure ? '-secure' : ''}`);
}

/** The wanted stack of that folder. */
const expectedServers = (dataDir: string) => {
  const place = readStackFile(dataDir)?.place;
  return place === undefined ? serversOf({}) : serversOf(place);
};

/** The same as in `npm start` (start-options.ts). */
const exitCodes = { failed: 1, usage: 2, configuration: 3, busy: 4 } as const;

const say = (line: string): void => console.log(line);

function describeAddresses(addresses: Addresses): string[] {
  const { postgres, redis, s3 } = addresses;
  return [
    `Kafka            ${addresses.kafkaBrokers}`,
    ...(addresses.kafkaAuthorityFile === undefined
      ? []
      : [
          `Kafka's login    passwords in ${dirname(addresses.postgres.superuserPasswordFile)}/kafka-*, authority in ${addresses.kafkaAuthorityFile}`,
        ]),
    `Kafka Connect    ${addresses.connectUrl}`,
    `schema registry  ${addresses.registryUrl}`,
    `PostgreSQL       ${postgres.host}:${postgres.port}, user ${postgres.superuser}, password in ${postgres.superuserPasswordFile}`,
    `Redis            ${redis.host}:${redis.port}, password in ${redis.passwordFile}`,
    `S3               ${s3.endpoint}, keys in ${s3.accessKeyIdFile} and ${s3.secretAccessKeyFile}`,
  ];
}

function printAddresses(dataDir: string): void {
  describeAddresses(attachStack(dataDir).addresses).forEach(say);
  const place = readStackFile(dataDir)?.place;
  if (place?.kafkaUi !== undefined) say(`Kafka UI         ${kafkaUiUrl(place)}`);
  say(`For programs     ${stackFilePath(dataDir)}`);
}

/** Ctrl-C during the start stops the servers that have started. */
function abortOnSignal(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => controller.abort(new Error(`stopped by ${signal}`)));
  }
  return controller.signal;
}

async function up({ kafkaUi: wantsUi, ...place }: Place & { kafkaUi: boolean }): Promise<void> {
  const dataDir = folderOf(place);
  const shape = chooseShape(dataDir, wantedShape(place));
  const isBackground = readStackFile(dataDir)?.owner === undefined;
  const isNeeded = (name: ServerName): boolean => name !== 'kafkaUi';
  const missing = expectedServers(dataDir).filter(
    (name) => !runningServers(dataDir).includes(name),
  );
  if (isBackground && !missing.some(isNeeded)) {
    say(`The stack in ${dataDir} is already up.`);
    if (wantsUi) await withProgress((progress) => openUi(dataDir, progress, abortOnSignal()));
    printAddresses(dataDir);
    return;
  }
  // Some of its servers may have died: begin with none of them.
  if (isBackground) await stopStack(dataDir);
  await withProgress(async (progress) => {
    const signal = abortOnSignal();
    await startStack({
      dataDir,
      log: progress.line,
      fetchProgress: createFetchProgress(progress),
      shape,
      background: true,
      signal,
    });
    if (wantsUi) await openUi(dataDir, progress, signal);
  });
  printAddresses(dataDir);
}

const openUi = (dataDir: string, progress: Progress, signal: AbortSignal): Promise<string> =>
  addKafkaUi(dataDir, createFetchProgress(progress), signal);

async function withProgress(work: (progress: Progress) => Promise<unknown>): Promise<void> {
  const progress = createProgress(process.stderr);
  try {
    await work(progress);
  } finally {
    progress.close();
  }
}

function status(place: Place & { json: boolean }): void {
  const dataDir = folderOf(place);
  const running = new Set(runningServers(dataDir));
  const stack = readStackFile(dataDir);
  const expected = expectedServers(dataDir);
  const rows = expected.map((name) => {
    const pid = running.has(name) ? stack?.servers[name]?.pid : undefined;
    const bytes = pid === undefined ? undefined : residentBytes(pid);
    return { name, isRunning: pid !== undefined, pid, residentBytes: bytes };
  });
  process.exitCode = running.size === expected.length ? 0 : 1;
  if (place.json) {
    say(JSON.stringify({ dataDir, servers: rows, addresses: stack?.addresses }, undefined, 2));
    return;
  }
  for (const row of rows) {
    const memory =
      row.residentBytes === undefined ? '' : `${Math.round(row.residentBytes / 1e6)} MB`;
    const state = row.isRunning ? `up    process ${String(row.pid)}, ${memory}` : 'down';
    say(`${row.name.padEnd(14)} ${state}`);
  }
  if (running.size > 0) printAddresses(dataDir);
  if (place.data === undefined) hintAtStart();
}

async function stopIn(dataDir: string): Promise<void> {
  const stopped = await stopStack(dataDir);
  say(
    stopped.length === 0
      ? `No stack is up in ${dataDir}.`
      : `Stopped ${stopped.join(', ')}. The data stays in ${dataDir}.`,
  );
}

const runsIn = (dataDir: string): boolean =>
  runningServers(dataDir).length + recordedAndRunning(dataDir).length > 0;

function hintAtStart(): void {
  if (!runsIn(defaultDataDir)) return;
  say(`Servers of npm start: npm run stack -- status --data '${defaultDataDir}'`);
}

/** Processes of a killed `npm start`; a running one ends its own. */
async function clearKilledStart(): Promise<void> {
  const { owner } = readStackFile(defaultDataDir) ?? {};
  if (!runsIn(defaultDataDir)) return;
  if (isRunning(owner)) say(`npm start is at work in ${defaultDataDir}: Ctrl-C there ends it.`);
  else await stopIn(defaultDataDir);
}

async function down(place: Place): Promise<void> {
  await stopIn(folderOf(place));
  if (place.data === undefined) await clearKilledStart();
}

/** Of the wanted stack, or else of `npm start`. */
async function tool(name: string, args: readonly string[], place: Place): Promise<void> {
  const own = folderOf(place);
  const isElsewhere = place.data === undefined && runningServers(own).length === 0;
  process.exitCode = await runKafkaTool(isElsewhere ? defaultDataDir : own, name, args);
}

const explained = '(npm run stack -- --help explains it)';

async function main(): Promise<void> {
  const program = new Command('npm run stack --')
    .description(
      'Starts and stops the servers: Kafka, Kafka Connect, schema registry, PostgreSQL, Redis, S3.\n' +
        'Exit codes: 0 done, 1 failed, 2 wrong usage, 3 a tool is missing or a port is taken, 4 already up here.',
    )
    .exitOverride()
    .enablePositionalOptions()
    .showHelpAfterError(explained);
  const command = (name: string, description: string): Command =>
    program
      .command(name)
      .description(description)
      .option('--data <dir>', 'where the servers keep everything (default: below .afterbuild)')
      .addOption(new Option('--brokers <n>', 'of Kafka (default: 1)').choices(['1', '3']))
      .option('--secure', 'Kafka asks for a login, over TLS, and grants rights; with --brokers 3');
  command('up', 'start them in the background; they keep their data and ports')
    .option('--kafka-ui', 'also a Kafka UI for the browser, which only reads (Python 3.11)', false)
    .action(up);
  command('status', 'what runs and where; exit code 1 unless everything does')
    .option('--json', 'for programs', false)
    .action(status);
  command('down', 'stop them in order; also all that a killed `npm start` has left').action(down);
  command('tool', "one of Kafka's own tools, on the running servers, with its own arguments")
    .addArgument(new Argument('<name>', 'as kafka-<name>.sh').choices(kafkaToolNames))
    .argument('[args...]', "the tool's own, for example --describe --all-groups")
    .passThroughOptions()
    .allowUnknownOption()
    .action(tool);
  await program.parseAsync();
}

main().catch((error: unknown) => {
  if (error instanceof CommanderError) {
    if (error.code === 'usage') console.error(`${error.message}\n${explained}`);
    process.exitCode = error.exitCode === 0 ? 0 : exitCodes.usage;
    return;
  }
  const message = error instanceof Error ? error.message : String(error);
  console.error(message);
  const isConfiguration = error instanceof PortError || error instanceof StackShapeError;
  const refused = isConfiguration ? exitCodes.configuration : exitCodes.failed;
  process.exitCode = error instanceof StackBusyError ? exitCodes.busy : refused;
});
