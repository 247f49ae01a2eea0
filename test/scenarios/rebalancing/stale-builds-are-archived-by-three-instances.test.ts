import { TraceWorld } from '../../../ops/gitlab/traces/trace-world';
import { useScenario } from '../../support/scenario/use-scenario';
import { until } from '../../support/until';

/** Without a connector no change names them, as if they had ended before the slot existed. */
const ground = useScenario(__filename, { changes: 'none' });
const count = 2_000;

test('2,000 stale builds are found and archived by three instances of each process', async () => {
  const scenario = ground();
  const world = new TraceWorld(scenario.world);
  const stale = await world.manyTraces({ count, finishedAgoMs: 86_400_000 });
  const three = (name: 'finished-builds' | 'trace-archiver', settings = {}) =>
    [1, 2, 3].map(() => scenario.run(name, settings));
  const archivers = three('trace-archiver');
  await Promise.all(archivers.map((one) => one.logged('process.started')));
  const finders = three('finished-builds', {
    STALE_PAGE_BUILDS: '50',
    STALE_PAUSE_MS: '500',
    // A build whose lease a former holder of the partition still has waits for the next pass.
    STALE_EVERY_MS: '5000',
  });

  const left = async (builds: readonly { readonly id: number }[]): Promise<number> => {
    const rows = await scenario.sql(
      'SELECT DISTINCT build_id FROM ci_build_trace_chunks WHERE build_id = ANY($1)',
      [builds.map(({ id }) => id)],
    );
    return rows.length;
  };
  await until('no stale build has chunks', async () => (await left(stale)) === 0, 120_000);
  await scenario.caughtUp('trace-archiver', 'builds.finished');

  const archived = archivers.map((one) =>
    one.events('traces.archived').reduce((sum, line) => sum + Number(line['archived']), 0),
  );
  expect(archived.reduce((sum, each) => sum + each)).toBe(count);
  const found = finders.map((one) =>
    one.events('stale.produced').reduce((sum, line) => sum + Number(line['builds']), 0),
  );
  for (const each of [...archived, ...found]) expect(each).toBeGreaterThan(0);
});
