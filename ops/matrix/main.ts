/** `npm run matrix`: runs the pipeline on other versions of its servers than the pinned ones. */
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { listenForInterruption } from '../../lib/process/interruption';
import { javaOfAtLeast } from '../local/fetch/java';
import { createProgress } from '../../lib/process/progress';
import { parseServerVersions } from '../local/fetch/server-versions';
import { parts } from '../local/fetch/versions';
import { describeResults, runMainJob, type Result } from './main-job';
import { upgradeUnderLoad } from './upgrade';

const exitCodes = { passed: 0, failed: 1, usage: 2, prerequisite: 3 } as const;

/** The newest of each line of broker versions in use, oldest first. */
const brokerVersions = ['3.9.2', '4.0.2', '4.3.1', parts.kafka.version];
const newestRegistry = '3.3.3';
const upgradeFrom = 'kafka=4.3.1,connectPlugins=3.6.3.Final';

function report(results: readonly Result[]): void {
  describeResults(results).forEach((line) => console.log(line));
  const isPassed = results.every(({ passed }) => passed);
  process.exitCode = isPassed ? exitCodes.passed : exitCodes.failed;
}

async function onBrokers(versions: readonly string[], signal: AbortSignal): Promise<void> {
  const results: Result[] = [];
  for (const version of versions) {
    if (signal.aborted) return;
    const result = await runMainJob(`Kafka ${version}`, { broker: version }, signal);
    console.error(describeResults([result]).join('\n'));
    results.push(result);
  }
  report(results);
}

async function onRegistry(version: string, signal: AbortSignal): Promise<void> {
  try {
    javaOfAtLeast(21);
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = exitCodes.prerequisite;
    return;
  }
  report([await runMainJob(`registry ${version}`, { registry: version }, signal)]);
}

async function upgrade(from: string, loadSeconds: number, signal: AbortSignal): Promise<void> {
  const progress = createProgress(process.stderr);
  try {
    report([await upgradeUnderLoad({ from, seconds: loadSeconds, progress, signal })]);
  } finally {
    progress.close();
  }
}

/** Checked before anything is fetched: no version would look as if all had passed. */
function version(text: string): string {
  if (/^\d[\w.-]*$/.test(text)) return text;
  throw new InvalidArgumentError('It must be a version, like 4.3.1.');
}

const versionList = (text: string): string[] => text.split(',').map(version);

function beginning(text: string): string {
  try {
    if (Object.keys(parseServerVersions(text)).length > 0) return text;
  } catch {
    // Said below.
  }
  throw new InvalidArgumentError('It must name versions, like kafka=4.3.1.');
}

function seconds(text: string): number {
  if (/^[1-9][0-9]{0,5}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number above 0.');
}

async function main(): Promise<void> {
  const { signal } = listenForInterruption({
    source: process,
    nowMs: () => performance.now(),
    onSecond: () => process.exit(exitCodes.failed),
  });
  const program = new Command('npm run matrix --')
    .description(
      'Runs the pipeline on other versions of its servers than the pinned ones; each is fetched once.\n' +
        'Exit codes: 0 all passed, 1 one failed, 2 wrong usage, 3 a Java that is new enough is missing.',
    )
    .exitOverride()
    .showHelpAfterError('(npm run matrix -- --help explains it)');
  program
    .command('kafka')
    .description('the main job on brokers of other versions')
    .option('--versions <list>', 'separated by commas', versionList, brokerVersions)
    .action(({ versions }: { versions: string[] }) => onBrokers(versions, signal));
  program
    .command('registry')
    .description('the main job with a registry server of another version')
    .option('--version-of-registry <version>', 'of Apicurio', version, newestRegistry)
    .action((options: { versionOfRegistry: string }) =>
      onRegistry(options.versionOfRegistry, signal),
    );
  program
    .command('upgrade')
    .description('a running installation goes to the pinned versions under load')
    .option('--from <versions>', 'what it begins with', beginning, upgradeFrom)
    .option('--seconds <n>', 'of load between two steps', seconds, 20)
    .action((options: { from: string; seconds: number }) =>
      upgrade(options.from, options.seconds, signal),
    );
  await program.parseAsync();
}

main().catch((error: unknown) => {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? exitCodes.passed : exitCodes.usage;
    return;
  }
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = exitCodes.failed;
});
