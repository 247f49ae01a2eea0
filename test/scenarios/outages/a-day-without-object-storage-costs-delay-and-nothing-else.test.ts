/**
 * A day on which object storage is unavailable for two hours, builds go on finishing, Redis has a memory limit, and an
 * operator looks at screens. `npm test` has it at a small scale, and with Redis' master lost in the middle; `npm run
 * faults` has both at their whole length.
 */
import { chunkBytes } from '../../../lib/gitlab/trace-chunks';
import { appendTrace, type TraceBuild } from '../../../ops/gitlab/traces/live-trace';
import { finishBuild } from '../../../ops/gitlab/traces/trace-life';
import { expectArchived, type FinishedTrace } from '../../support/records/archived-builds';
import { inFull, isFull, longTest, report } from '../../support/faults';
import { awayFor } from '../../support/stack/outage';
import { usedMemory } from '../../support/stack/own-redis';
import { redisPairInStack } from '../../support/stack/redis-in-stack';
import type { RedisPair } from '../../support/stack/redis-pair';
import type { Scenario } from '../../support/scenario/scenario';
import { none, until } from '../../support/until';
import { useScenario } from '../../support/scenario/use-scenario';
import { ask } from '../../support/scenario/health-pages';

const mib = 1_048_576;
const awayMs = inFull(7_200_000, 30_000);
const waves = inFull(240, 10);
const perWave = inFull(20, 12);
const waveMs = (0.9 * awayMs) / waves;
/** A full chunk, and one that grows. */
const beginBytes = chunkBytes + 20_000;
const appendBytes = 5_000;
/** About half of what is written: without the guard Redis would be full long before the end. */
const roomBytes = inFull(64, 12) * mib;
const startPercent = 40;
const afterwardsMs = inFull(1_800_000, 180_000);

interface Day {
  readonly scenario: Scenario;
  readonly pair: RedisPair;
  /** What ended, and how long each trace is. */
  readonly ended: FinishedTrace[];
}

/** Builds get their last bytes and finish. */
async function end({ scenario, ended }: Day, running: readonly TraceBuild[]): Promise<void> {
  for (const build of running) {
    await until('GitLab appends', async () => {
      const { accepted } = await appendTrace(scenario.gitlab, build, appendBytes);
      return accepted;
    });
    await finishBuild(scenario.gitlab, build);
    ended.push({ build, sizeBytes: beginBytes + appendBytes });
  }
}

const begin = ({ scenario }: Day): Promise<TraceBuild[]> =>
  scenario.traces.manyTraces({ count: perWave, sizeBytes: beginBytes, status: null });

async function noChunksOf({ scenario, ended }: Day): Promise<boolean> {
  const ids = ended.map(({ build }) => build.id);
  const rows = await scenario.sql<{ build_id: string }>(
    'SELECT DISTINCT build_id FROM ci_build_trace_chunks WHERE build_id = ANY($1)',
    [ids],
  );
  return none(
    'traces',
    rows.map((row) => row.build_id),
  );
}

/** The output that an operator sees at this moment, for the runbook of the day. */
async function screens({ scenario }: Day, when: string): Promise<string> {
  const { noise } = await scenario.command(['status']);
  const archiver = scenario.processes.find(({ name }) => name === 'trace-archiver')!;
  const { status, text } = await ask(archiver, '/readyz');
  const screen = [...noise, `/readyz ${status} ${text}`].join('\n');
  report(when, { screen });
  return screen;
}

async function liveThroughIt(day: Day, atHalf: () => Promise<void>): Promise<void> {
  const { scenario, pair } = day;
  const memory = (): Promise<number> => usedMemory(pair.leadsTo.client);
  const baseline = await memory();
  for (const { client } of [pair.first, pair.second]) {
    await client.config('SET', 'maxmemory', baseline + roomBytes);
  }
  const settings = {
    ARCHIVE_SETTLE_MS: '1000',
    HTTP_PORT: '0',
    REDIS_GUARD_START_PERCENT: String(startPercent),
    REDIS_GUARD_EVERY_MS: '500',
    REDIS_GUARD_PASS_MS: '5000',
  };
  const archiver = scenario.run('trace-archiver', settings);
  scenario.run('finished-builds', { HTTP_PORT: '0' });
  const why = ['--reason', 'S3 is unavailable', '--author', 'anna', '--yes'];
  await scenario.command(['flags', 'set', 'trace-archiver', 'redis-guard', 'on', ...why]);
  // Its start tests the behaviour that its safety rests on, and waits for object storage.
  await archiver.logged('process.started');

  const begun = [await begin(day)];
  const used: number[] = [];
  await awayFor(scenario.stack.servers.objectStorage, awayMs, async () => {
    const beganAtMs = Date.now();
    for (let wave = 1; wave <= waves; wave += 1) {
      const isTime = (): boolean => Date.now() >= beganAtMs + wave * waveMs;
      await until(`wave ${wave} is due`, isTime, 4 * awayMs);
      await end(day, begun.at(-1)!);
      begun.push(await begin(day));
      used.push(await memory());
      if (wave === Math.floor(waves / 2)) await atHalf();
    }
    const screen = await screens(day, 'object storage is unavailable');
    expect(screen).toMatch(/held: .*S3/);
    expect(screen).toMatch(/flag .*redis-guard/);
    expect(screen).toMatch(/shared-state: .* of .* %/);
  });
  const backAtMs = Date.now();
  await end(day, begun.at(-1)!);
  const highest = Math.max(...used);
  await until('all traces are archived', () => noChunksOf(day), afterwardsMs);
  report('object storage is back', {
    traces: day.ended.length,
    secondsToDone: (Date.now() - backAtMs) / 1_000,
    highestMiB: Math.round((10 * (highest - baseline)) / mib) / 10,
    roomMiB: roomBytes / mib,
  });
  await scenario.caughtUp('trace-archiver', 'builds.finished', afterwardsMs);
  await expectArchived(scenario, day.ended);
  expect(highest).toBeLessThanOrEqual(baseline + roomBytes);
  expect(await scenario.gitlab.redis.keys('gitlab:ci:trace:*')).toEqual([]);
  await until('memory is at its baseline', async () => (await memory()) < baseline + mib);
  expect(archiver.events('guard.moved').length).toBeGreaterThan(0);
  expect(await screens(day, 'afterwards')).toMatch(/trace-archiver +idle/);
}

function useDay(name: string): () => Day {
  let pair: RedisPair | undefined;
  const ground = useScenario(`${__filename} ${name}`, {
    changes: 'streamed',
    redis: async (shared) => {
      const own = await redisPairInStack(shared);
      ({ pair } = own);
      return own;
    },
  });
  const day: { now?: Day } = {};
  return () => (day.now ??= { scenario: ground(), pair: pair!, ended: [] });
}

const limitMs = 2 * awayMs + 2 * afterwardsMs;
const lost = useDay('master lost');
const whole = isFull ? useDay('whole') : undefined;

test(
  'object storage unavailable, and the master of Redis lost in the middle: all is archived afterwards, Redis is as empty as before',
  () => liveThroughIt(lost(), () => lost().pair.loseMaster()),
  limitMs,
);

longTest(
  'object storage unavailable for two hours: all is archived afterwards, Redis is as empty as before',
  () => liveThroughIt(whole!(), () => Promise.resolve()),
  limitMs,
);
