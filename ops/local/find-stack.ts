/** Finds the running servers of this clone, for commands without an address. */
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { projectRoot } from '../../lib/process/root';
import { logins, type Login } from './stack/kafka-access';
import { attachStack } from './stack/running-stack';
import { runningServers } from './stack/stack';
import { failureGroups } from '../../lib/kafka/topics/topics';
import { isProcessName, processes } from '../../lib/process/processes';
import { stackEnvironment, type DatabaseRole } from './stack/stack-environment';
import { defaultDataDir } from './start-options';

/** Where `npm start` and `npm run stack` keep their servers. */
const places = [defaultDataDir, join(projectRoot, '.afterbuild/stack')];

/** A user who names one server must name all of them: no command may work on a mixture. */
const namesServers = [
  'KAFKA_BROKERS',
  'SCHEMA_REGISTRY_URL',
  'POSTGRES_HOST',
  'REDIS_HOST',
  'S3_ENDPOINT',
  'S3_BUCKET',
  'CONNECT_URL',
];

/** The login for PostgreSQL: that of each process, or the one that may only read. */
function roleOf(args: readonly string[]): DatabaseRole {
  const [command = '', name = ''] = args;
  if (command === 'connect') return 'cdc';
  if (command === 'replay' && name === 'run') return roleOfReplay(args);
  return command === 'run' && isProcessName(name) ? processes[name].role : 'reader';
}

/** A replay does the work of the process that it names, itself or by its topic. */
function roleOfReplay(args: readonly string[]): DatabaseRole {
  const options = { process: { type: 'string' }, topic: { type: 'string' } } as const;
  const { values } = parseArgs({ args: [...args], options, strict: false });
  const byTopic = failureGroups.find(({ topic }) => topic === values.topic)?.group;
  const process = values.process ?? byTopic;
  return typeof process === 'string' && isProcessName(process) ? processes[process].role : 'reader';
}

/** The login for Kafka, where Kafka asks for one. */
function loginOf([command, name]: readonly string[]): Login | undefined {
  if (command === 'ui') return 'page';
  return command === 'run' ? logins.find((login) => login === name) : undefined;
}

const asksForHelp = (args: readonly string[]): boolean =>
  args.length === 0 || args[0] === 'help' || args.includes('--help') || args.includes('-h');

interface FoundStack {
  readonly dataDir: string;
  /** Variables to be added; those that are set already are left out. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Whether the command needs servers, and the environment names none. */
export const wantsStack = (args: readonly string[], given: NodeJS.ProcessEnv): boolean =>
  !asksForHelp(args) && !namesServers.some((name) => isSet(given[name]));

/** @param folders where to look, if `AFTERBUILD_STACK_FILE` names none. */
export function findStack(
  args: readonly string[],
  given: NodeJS.ProcessEnv,
  folders: readonly string[] = places,
): FoundStack | undefined {
  if (!wantsStack(args, given)) return undefined;
  const named = given['AFTERBUILD_STACK_FILE'];
  const candidates = named !== undefined && isSet(named) ? [dirname(named)] : folders;
  const dataDir = candidates.find((folder) => runningServers(folder).length > 0);
  if (dataDir === undefined) return undefined;
  const stack = attachStack(dataDir);
  const all = Object.entries(stackEnvironment(stack, roleOf(args), undefined, loginOf(args)));
  return {
    dataDir,
    environment: Object.fromEntries(all.filter(([name]) => !isSet(given[name]))),
  };
}

const isSet = (value: string | undefined): boolean => value !== undefined && value !== '';
