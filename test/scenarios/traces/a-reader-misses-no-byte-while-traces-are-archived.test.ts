import { watchTraces } from '../../../ops/gitlab/traces/live-reader';
import { countOpenTraces } from '../../../ops/gitlab/open-work';
import { emptyTraceWork } from '../../../ops/gitlab/traces/seed-traces';
import { liveWithTraces } from '../../../ops/gitlab/traces/trace-life';
import type { StoreChoice } from '../../../ops/gitlab/traces/trace-world';
import { useScenario } from '../../support/scenario/use-scenario';
import { until } from '../../support/until';

const ground = useScenario(__filename, { changes: 'streamed' });
const choices: readonly StoreChoice[] = ['redis', 'shared-redis', 'database', 'fog', 'mixed'];

test('every byte is readable while builds end, are flushed, erased and archived twice over', async () => {
  const scenario = ground();
  const { gitlab, ledger, traces } = scenario;
  const running = emptyTraceWork();
  for (const [place, stores] of choices.entries()) {
    const many = (count: number, sizeBytes: number) =>
      traces.manyTraces({ count, sizeBytes, stores, status: null });
    running.toFinish.push(...(await many(8, 3_000)), ...(await many(2, 300_000 + place)));
    running.toArchive.push(...(await many(4, 200_000)));
    running.toErase.push(await traces.aFinishedTrace({ sizeBytes: 150_000, stores }));
  }
  const reader = watchTraces({ ...gitlab, ledger }, { everyMs: 2, randomSeed: 7 });
  scenario.run('finished-builds', { STALE_AGE_MS: '1000', STALE_EVERY_MS: '500' });
  scenario.run('trace-archiver', { ARCHIVE_SETTLE_MS: '500', ARCHIVE_DOUBT_MS: '1000' });
  const life = await liveWithTraces(gitlab, running);
  expect(life).toMatchObject({ finished: 50, erased: 5 });
  const isDone = async () => (await countOpenTraces(gitlab.pool)) === 0;
  await until('all traces are archived', isDone, 120_000);
  await scenario.caughtUp('trace-archiver', 'builds.finished');

  const read = await reader.stop();
  expect(read).toMatchObject({ violations: [], unanswered: 0 });
  expect(read.reads).toBeGreaterThan(200);
});
