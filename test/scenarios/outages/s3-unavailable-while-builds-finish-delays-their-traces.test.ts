import type { TraceBuild } from '../../../ops/gitlab/traces/live-trace';
import { inFull, report } from '../../support/faults';
import { awayFor, longOutageMs, saidTooOftenOrNotAtAll } from '../../support/stack/outage';
import type { RunningProcess } from '../../support/scenario/running-process';
import { type Scenario } from '../../support/scenario/scenario';
import { useScenario } from '../../support/scenario/use-scenario';
import { until } from '../../support/until';

const ground = useScenario(__filename, { changes: 'streamed' });

/** 2,000 builds, or 26,000 that ended long ago; a few of them with traces of several chunks. */
const waves = 10;
const small = inFull(2_590, 190);
const large = 10;
const count = waves * (small + large);
const finishedAgoMs = inFull(7_200_000, 0);
const instances = inFull(3, 1);
/** After S3 is available: the slowest lane has to retry, and then all traces have to be stored. */
const afterwardsMs = inFull(600_000, 180_000);

/** Builds that end in the course of the outage, a wave after the other. */
async function finishBuilds({ traces }: Scenario, everyMs: number): Promise<TraceBuild[]> {
  const builds: TraceBuild[] = [];
  const beganMs = Date.now();
  for (let wave = 0; wave < waves; wave += 1) {
    const isTime = () => Date.now() >= beganMs + wave * everyMs;
    await until(`wave ${wave} of builds is due`, isTime, 2 * waves * everyMs);
    const ended = { finishedAgoMs, pendingState: 'right' } as const;
    builds.push(...(await traces.manyTraces({ count: small, sizeBytes: 3_000, ...ended })));
    builds.push(...(await traces.manyTraces({ count: large, sizeBytes: 300_000, ...ended })));
  }
  return builds;
}

/** Records on topics that only a counted attempt or a dead letter can reach. */
async function failedRecords(scenario: Scenario): Promise<number> {
  return scenario.asOperator(async (admin) => {
    const topics = await admin.listTopics();
    const failed = topics.filter(
      (name) => name.startsWith(scenario.named('')) && /\.(retry|dlq|parked)/.test(name),
    );
    const ends = await Promise.all(failed.map((topic) => admin.fetchTopicOffsets(topic)));
    return ends.flat().reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
  });
}

const total = (archivers: readonly RunningProcess[], field: string): number =>
  archivers
    .flatMap((archiver) => archiver.events('traces.archived'))
    .reduce((sum, line) => sum + Number(line[field]), 0);

const withChunks = async (scenario: Scenario, builds: readonly TraceBuild[]): Promise<number> => {
  const rows = await scenario.sql(
    'SELECT DISTINCT build_id FROM ci_build_trace_chunks WHERE build_id = ANY($1)',
    [builds.map(({ id }) => id)],
  );
  return rows.length;
};

test(
  `S3 away while ${count} builds finish: afterwards all are archived, no attempt counted, nothing dead`,
  async () => {
    const scenario = ground();
    const archivers = Array.from({ length: instances }, () =>
      scenario.run('trace-archiver', { ARCHIVE_SETTLE_MS: '1000' }),
    );
    const finder = scenario.run('finished-builds');
    const [first] = await scenario.traces.manyTraces({ count: 1, finishedAgoMs: 0 });
    const isArchived = async () => (await withChunks(scenario, [first!])) === 0;
    await until('a trace is archived', isArchived);
    await scenario.caughtUp('trace-archiver', 'builds.finished');
    const baseline = await scenario.gitlab.redis.dbsize();
    const linesBefore = [...archivers, finder].map(({ lines }) => lines.length);

    let builds: TraceBuild[] = [];
    await awayFor(scenario.stack.servers.objectStorage, longOutageMs, async () => {
      builds = await finishBuilds(scenario, (longOutageMs * 0.8) / waves);
    });
    expect(builds).toHaveLength(count);
    const backAtMs = Date.now();
    const isOver = async () => (await withChunks(scenario, builds)) === 0;
    await until('all traces are archived', isOver, afterwardsMs);
    report('S3 is back', { count, secondsToDone: (Date.now() - backAtMs) / 1_000 });
    await scenario.caughtUp('trace-archiver', 'builds.finished');

    expect(total(archivers, 'archived')).toBe(builds.length + 1);
    for (const one of archivers) expect(total([one], 'archived')).toBeGreaterThan(0);
    expect([total(archivers, 'partial'), await failedRecords(scenario)]).toEqual([0, 0]);
    expect(await scenario.gitlab.redis.dbsize()).toBe(baseline);
    const unfinished = () =>
      [...archivers, finder].flatMap((process, at) =>
        saidTooOftenOrNotAtAll(process, linesBefore[at]!),
      );
    await until(
      'every failed lane has logged that it goes on',
      () => unfinished().length === 0,
    ).catch(() => expect(unfinished()).toEqual([]));
  },
  longOutageMs + 2 * afterwardsMs,
);
