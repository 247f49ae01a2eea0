import { startSilentServer, type SilentServer } from '../../support/stack/silent-server';
import { useScenario } from '../../support/scenario/use-scenario';

const ground = useScenario(__filename, { changes: 'none' });

const by = ['--author', 'anna', '--reason', 'maintenance', '--yes'];
const pause = ['flags', 'set', 'artifact-deleter', 'pause', 'true', ...by];

/** Every command, by a server that it needs. */
const needs = {
  kafka: [
    ['status'],
    ['flags', 'get'],
    pause,
    ['flags', 'unset', 'artifact-deleter', 'pause', ...by],
    ['topics', 'plan'],
    ['topics', 'apply'],
    ['dlq', 'list'],
    ['dlq', 'show'],
    ['dlq', 'redrive'],
    ['dlq', 'park', '--why', 'x'],
    ['ui'],
    ['replay', 'plan', '--process', 'artifact-deleter', '--from', '1h'],
    ['replay', 'run', '--process', 'artifact-deleter', '--from', '1h', ...by],
    ['replay', 'status'],
    ['accept-database', ...by],
  ],
  registry: [['schemas', 'register']],
  postgres: [
    ['connect', 'status'],
    ['connect', 'apply'],
    ['accept-database', ...by],
    ['reconcile', '--check'],
  ],
  connect: [
    ['connect', 'status'],
    ['connect', 'apply'],
  ],
  s3: [['reconcile', '--check']],
  redis: [['reconcile', '--check']],
} as const;
type Missing = keyof typeof needs;

const settingsFor = (missing: Missing, port: number): Record<string, string> =>
  ({
    kafka: { KAFKA_BROKERS: `127.0.0.1:${port}` },
    registry: { SCHEMA_REGISTRY_URL: `http://127.0.0.1:${port}/apis/ccompat/v7` },
    postgres: { POSTGRES_HOST: '127.0.0.1', POSTGRES_PORT: String(port) },
    connect: { CONNECT_URL: `http://127.0.0.1:${port}` },
    s3: { S3_ENDPOINT: `http://127.0.0.1:${port}` },
    redis: { REDIS_HOST: '127.0.0.1', REDIS_PORT: String(port) },
  })[missing];

const variables: Readonly<Record<Missing, string>> = {
  kafka: 'KAFKA_BROKERS',
  registry: 'SCHEMA_REGISTRY_URL',
  postgres: 'POSTGRES_HOST, POSTGRES_PORT',
  connect: 'CONNECT_URL',
  s3: 'S3_ENDPOINT',
  redis: 'REDIS_HOST, REDIS_PORT',
};

/** A command waits ten seconds for an answer; the rest is for fifteen Node processes to start on a busy machine. */
const limitMs = 60_000;

let silent: SilentServer;
beforeAll(async () => {
  silent = await startSilentServer();
});
afterAll(() => silent.close());

async function endsInOneSentence(missing: Missing, port: number): Promise<void> {
  await Promise.all(
    needs[missing].map(async (args) => {
      const beganAtMs = Date.now();
      const { noise } = await ground().command(args, 'deleter', 4, settingsFor(missing, port));
      expect(Date.now() - beganAtMs).toBeLessThan(limitMs);
      const said = noise.filter((line) => line.startsWith('afterbuild: '));
      expect(said).toHaveLength(1);
      expect(said[0]).toContain(`does not answer (${variables[missing]}): `);
      expect(said[0]).toContain(`127.0.0.1:${port}`);
    }),
  );
}

const names = Object.keys(needs) as Missing[];

test.each(names)('%s takes connections and never answers: exit 4 with the sentence', (missing) =>
  endsInOneSentence(missing, silent.port),
);

test.each(names)('%s refuses connections: exit 4 with the sentence', (missing) =>
  endsInOneSentence(missing, silent.refusingPort),
);

test.each(['SIGINT', 'SIGTERM'] as const)(
  'a command that waits ends at once at %s',
  async (signal) => {
    const asked = silent.nextConnection();
    const waiting = ground().startCommand(pause, settingsFor('kafka', silent.port));
    await asked;
    const beganAtMs = Date.now();
    waiting.kill(signal);
    expect((await waiting.exited).code).toBe({ SIGINT: 130, SIGTERM: 143 }[signal]);
    expect(Date.now() - beganAtMs).toBeLessThan(5_000);
    expect(waiting.noise).toEqual([`afterbuild: Ended by ${signal}.`]);
  },
);
