/** All faults of the soak, chosen and timed by one seeded random source. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { projectRoot } from '../../lib/process/root';
import {
  accessDenied,
  internalError,
  oddAnswers,
  slowDown,
  type S3Faults,
  type S3Front,
  type S3Refusal,
} from '../faults/s3-front';
import type { FaultProxy, Toxic } from '../faults/toxiproxy';
import type { Random } from '../gitlab/random';
import { readSecretFile } from '../local/stack/data-folder';
import type { RunningStack, ServerHandle } from '../local/stack/running-stack';
import { producerNames, processNames } from '../../lib/process/processes';
import type { Supervisor } from './supervisor';

export interface FaultContext {
  readonly stack: RunningStack;
  readonly crew: Supervisor;
  readonly proxies: Readonly<Record<'postgres' | 'redis' | 's3' | 'registry', FaultProxy>>;
  readonly front: S3Front;
  readonly random: Random;
  readonly database: string;
  readonly log: (line: string) => void;
  /** Runs it while the small GitLab pauses: its own servers will be unavailable. */
  readonly whileGitlabPauses: (work: () => Promise<void>) => Promise<void>;
  readonly signal: AbortSignal;
}

export interface Fault {
  readonly title: string;
  /** Resolves when the fault is over. */
  readonly happen: () => Promise<void>;
}

const dayMs = 86_400_000;

/** Pauses without an error when the soak ends. */
const rest = (ms: number, signal: AbortSignal): Promise<void> =>
  sleep(ms, undefined, { signal }).catch(() => undefined);

/** Faults of one process; the others take over its work. */
export function processFault({ crew, random, signal }: FaultContext): Fault {
  const { label, name } = random.oneOf(crew.members());
  const frozenMs = random.whole(1_000, 25_000);
  // The broker refuses records from the future: a producer with a fast clock would only block its shards.
  const isProducer = producerNames.includes(name);
  const shiftMs = random.oneOf(isProducer ? [-dayMs] : [dayMs, -dayMs]);
  const clock = {
    NODE_OPTIONS: `--require ${join(projectRoot, 'ops/faults/shifted-clock.cjs')}`,
    AFTERBUILD_CLOCK_SHIFT_MS: String(shiftMs),
  };
  const kill = (): Promise<void> => {
    crew.kill(label);
    return Promise.resolve();
  };
  const retire = (): Promise<void> => {
    crew.retire(label);
    return Promise.resolve();
  };
  return random.oneOf<Fault>([
    { title: `kill -9 ${label}`, happen: kill },
    { title: `kill -9 ${label}`, happen: kill },
    { title: `SIGTERM to ${label}`, happen: retire },
    {
      title: `${label} is frozen for ${frozenMs} ms`,
      happen: () => crew.freeze(label, frozenMs, signal),
    },
    {
      title: `one more ${name}, its clock wrong by ${shiftMs / dayMs} day`,
      happen: async () => {
        const guest = crew.start(name, clock);
        await rest(frozenMs, signal);
        crew.dismiss(guest);
      },
    },
  ]);
}

const toxics: readonly (readonly [string, Toxic])[] = [
  ['answers 800 ms late', { type: 'latency', attributes: { latency: 800, jitter: 400 } }],
  ['stays silent', { type: 'timeout', attributes: { timeout: 0 } }],
  ['cuts every connection', { type: 'reset_peer', attributes: { timeout: 100 } }],
  ['loses its answers', { type: 'limit_data', attributes: { bytes: 0 } }],
];

function networkFault({ proxies, random, signal }: FaultContext): Fault {
  const place = random.oneOf(['postgres', 'redis', 's3', 'registry'] as const);
  const lastsMs = random.whole(500, 20_000);
  const isDown = random.whole(1, 3) === 1;
  const [what, toxic] = random.oneOf(toxics);
  const share = random.oneOf([1, 0.5]);
  return {
    title: `${place} ${isDown ? 'refuses connections' : what} for ${lastsMs} ms`,
    happen: async () => {
      await (isDown ? proxies[place].refuse() : proxies[place].poison(toxic, { share }));
      await rest(lastsMs, signal);
      await proxies[place].heal();
    },
  };
}

/** Applies to every other request. A DELETE answered with 204 counts as done. */
function oddAnswerTo(method: string, random: Random): S3Refusal | undefined {
  const odd = random.oneOf(oddAnswers);
  const isBelieved = method === 'DELETE' && odd.status === 204;
  return isBelieved || random.whole(0, 1) === 0 ? undefined : odd;
}

function s3Fault({ front, random, signal }: FaultContext): Fault {
  const lastsMs = random.whole(2_000, 20_000);
  const isUnlucky = (key: string): boolean => key.charCodeAt(key.length - 1) % 2 === 1;
  const [what, faults] = random.oneOf<readonly [string, S3Faults]>([
    [
      'SlowDown to most requests',
      { refuse: () => (random.whole(1, 4) > 1 ? slowDown : undefined) },
    ],
    [
      'errors for half of the keys',
      {
        refuseKey: (key) => (isUnlucky(key) ? internalError : undefined),
        refuse: ({ key }) => (key !== '' && isUnlucky(key) ? internalError : undefined),
      },
    ],
    [
      'AccessDenied below a prefix',
      {
        refuseKey: (key) => (key.startsWith('6') ? accessDenied : undefined),
        refuse: ({ key }) => (key.startsWith('6') ? accessDenied : undefined),
      },
    ],
    ['no answers', { loseAnswer: ({ key, isDeleteObjects }) => key !== '' || isDeleteObjects }],
    ['answers after 5 s', { delayMs: 5_000 }],
    ['answers that say nothing', { refuse: ({ method }) => oddAnswerTo(method, random) }],
  ]);
  return {
    title: `S3 gives ${what} for ${lastsMs} ms`,
    happen: async () => {
      front.plan(faults);
      await rest(lastsMs, signal);
      front.plan({});
    },
  };
}

function aBroker({ servers }: RunningStack, random: Random): ServerHandle {
  const { kafka, kafka2, kafka3 } = servers;
  return random.oneOf([kafka, kafka2, kafka3].filter((broker) => broker !== undefined));
}

/** It keeps its connections and sends nothing, until it continues as if nothing had happened. */
function frozenBroker({ stack, random, signal }: FaultContext): Fault {
  const broker = aBroker(stack, random);
  const lastsMs = random.whole(1_000, 25_000);
  return {
    title: `${broker.title} is frozen for ${lastsMs} ms`,
    happen: async () => {
      await broker.kill('SIGSTOP');
      await rest(lastsMs, signal);
      await broker.kill('SIGCONT');
    },
  };
}

/** Ends and starts a server. The small GitLab pauses only for those that it uses itself. */
function serverFault(ground: FaultContext): Fault {
  const { stack, random, whileGitlabPauses } = ground;
  const name = random.oneOf(['postgres', 'redis', 'kafka', 'connect'] as const);
  const server = name === 'kafka' ? aBroker(stack, random) : stack.servers[name];
  const isGitlabs = name === 'postgres' || name === 'redis';
  const fault = awayFault(server, ground);
  const happen = () => whileGitlabPauses(fault.happen);
  return isGitlabs ? { ...fault, happen } : fault;
}

const oneOfThree = (ground: FaultContext): Fault =>
  awayFault(aBroker(ground.stack, ground.random), ground);

function awayFault(server: ServerHandle, { random, signal }: FaultContext): Fault {
  // Redis writes its log once a second: a kill could lose writes that GitLab has just had acknowledged.
  const isKilled = server.name !== 'redis' && random.whole(1, 2) === 1;
  const awayMs = random.whole(0, 10_000);
  const happen = async (): Promise<void> => {
    await (isKilled ? endAtOnce(server) : server.stop());
    await rest(awayMs, signal);
    await server.start();
  };
  return {
    title: `${server.title} is ${isKilled ? 'killed' : 'stopped'} and unavailable for ${awayMs} ms`,
    happen,
  };
}

/** PostgreSQL's immediate shutdown: the same as a crash, but it takes its children with it. */
async function endAtOnce(server: ServerHandle): Promise<void> {
  const pid = server.pid();
  if (server.name !== 'postgres' || pid === undefined) {
    await server.kill();
    return;
  }
  process.kill(pid, 'SIGQUIT');
  while (server.pid() !== undefined) await sleep(50);
}

function backendsFault({ stack, database }: FaultContext): Fault {
  return {
    title: 'PostgreSQL ends every connection of the pipeline',
    happen: async () => {
      const { host, port, superuser } = stack.addresses.postgres;
      const password = readSecretFile(stack.dataDir, 'postgres-superuser');
      const client = new Client({ host, port, user: superuser, database: 'postgres', password });
      await client.connect();
      try {
        await client.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE datname = $1 AND usename LIKE 'afterbuild%'`,
          [database],
        );
      } finally {
        await client.end();
      }
    },
  };
}

/** Faults of the servers, or of the network to them; one at a time, each over before the next. */
export function surroundingsFault(ground: FaultContext): Fault {
  const isAlone = ground.stack.servers.kafka2 === undefined;
  return ground.random.oneOf([
    networkFault,
    networkFault,
    networkFault,
    s3Fault,
    s3Fault,
    serverFault,
    backendsFault,
    // One of three is no outage: any cluster loses a broker now and then.
    ...(isAlone ? [] : [oneOfThree, frozenBroker]),
  ])(ground);
}

/** The processes that must run when the faults have stopped. */
export function complete(crew: Supervisor, instances: number): void {
  for (const name of processNames) {
    const there = crew.members().filter((member) => member.name === name).length;
    for (let missing = instances - there; missing > 0; missing -= 1) crew.start(name);
  }
}
