import { FinishedListener } from '../../support/records/finished-listener';
import { useScenario } from '../../support/scenario/use-scenario';
import { chunkedBuilds, withoutChunks } from '../../support/records/stale-builds';
import { until } from '../../support/until';

const ground = useScenario(__filename, { changes: 'none' });
const pageBuilds = 10;
/** 2,000 builds in 12 slices are 17 pages each, so there is time to stop one in the middle. */
const settings = {
  STALE_PAGE_BUILDS: String(pageBuilds),
  STALE_PAUSE_MS: '150',
  STALE_EVERY_MS: '100',
};

test('2,000 stale builds of one partition_id are found once, however often an instance stops and starts', async () => {
  const scenario = ground();
  const stale = await chunkedBuilds(scenario, { count: 2_000 });
  const left = [
    await chunkedBuilds(scenario, { count: 20, status: 'running', finishedAgoMs: null }),
    await chunkedBuilds(scenario, { count: 20, finishedAgoMs: 60_000 }),
    await chunkedBuilds(scenario, { count: 20, status: 'skipped' }),
    await chunkedBuilds(scenario, { count: 20, type: 'Ci::Bridge' }),
  ].flat();
  const listener = new FinishedListener(scenario);
  await listener.start();
  try {
    const start = () => scenario.run('finished-builds', settings);
    const instances = [start(), start(), start()];
    await Promise.all(instances.map((instance) => instance.logged('stale.produced')));
    await instances[0]!.stop();
    instances.push(start());
    const isFound = () => listener.timesOf(stale).every((times) => times > 0);
    await until('every stale build is on the topic', isFound, 120_000);

    const complete = () =>
      instances.flatMap((instance) => instance.events('stale.pass-complete')).length >= 12;
    await until('the pass of every slice is complete', complete);
    const repeated = listener.timesOf(stale).reduce((sum, times) => sum + times - 1, 0);
    expect(repeated).toBeLessThanOrEqual(pageBuilds);
    expect(listener.timesOf(left)).toEqual(left.map(() => 0));
    const isStale = ({ source, partitionId }: { source: string; partitionId: number }) =>
      source === 'stale' && partitionId === 100;
    expect(listener.records.every(isStale)).toBe(true);

    // No build is archived, so there was no second pass; after that, remaining builds are found again.
    expect(listener.records).toHaveLength(stale.length + repeated);
    const again = async () => {
      // Again and again, as an archiver does: an instance that has only just joined waits for what others have found since.
      await listener.sayArchived();
      return listener.timesOf(stale).every((times) => times > 1);
    };
    await until('the next pass finds what was not archived', again, 120_000);
    await withoutChunks(scenario);
  } finally {
    await listener.stop();
  }
});
