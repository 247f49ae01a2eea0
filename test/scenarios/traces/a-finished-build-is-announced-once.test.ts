import { FinishedListener } from '../../support/records/finished-listener';
import { useScenario } from '../../support/scenario/use-scenario';
import { chunkedBuilds, withoutChunks } from '../../support/records/stale-builds';
import { until } from '../../support/until';

const ground = useScenario(__filename, { changes: 'streamed' });

test('a build that ends is announced once, with any later changes', async () => {
  const scenario = ground();
  const listener = new FinishedListener(scenario);
  await listener.start();
  try {
    const finished = scenario.run('finished-builds', {
      STALE_EVERY_MS: '86400000',
      // Without the watchdog of change capture, whose stale pass may come before the change.
      CONNECT_URL: '',
    });
    // A process begins with a pass over all finished builds: from here on only changes name builds.
    const passes = () => finished.events('stale.pass-complete').length >= 12;
    await until('the first stale passes are over', passes);
    const running = { count: 4, status: 'running', finishedAgoMs: null };
    const builds = await chunkedBuilds(scenario, running);
    const bridges = await chunkedBuilds(scenario, { ...running, count: 1, type: 'Ci::Bridge' });
    const finish = (id: number, status: string) =>
      scenario.sql(
        `UPDATE p_ci_builds SET status = $2, finished_at = now() AT TIME ZONE 'utc' WHERE id = $1`,
        [id, status],
      );
    const [success, failed, canceled, skipped] = builds as [number, number, number, number];
    await finish(success, 'success');
    await finish(failed, 'failed');
    await finish(skipped, 'skipped');
    await finish(bridges[0]!, 'success');
    for (let lockVersion = 1; lockVersion <= 5; lockVersion += 1) {
      await scenario.sql('UPDATE p_ci_builds SET lock_version = $2 WHERE id = ANY($1)', [
        builds,
        lockVersion,
      ]);
    }
    await finish(canceled, 'canceled');
    const isTold = () => listener.timesOf([success, failed, canceled]).every((times) => times > 0);
    await until('the finished builds are on the topic', isTold);
    await scenario.caughtUp('finished-builds', 'cdc.public.p_ci_builds');

    expect(listener.timesOf([...builds, ...bridges])).toEqual([1, 1, 1, 0, 0]);
    const statuses = listener.records.map(({ buildId, status }) => [buildId, status]);
    expect(new Map(statuses as [number, string][])).toEqual(
      new Map([
        [success, 'success'],
        [failed, 'failed'],
        [canceled, 'canceled'],
      ]),
    );
    const [first] = listener.records;
    expect(first).toMatchObject({ source: 'change', partitionId: 100 });
    expect(Math.abs(Date.now() - first!.finishedAtMs)).toBeLessThan(10 * 60_000);
    await withoutChunks(scenario);
  } finally {
    await listener.stop();
  }
});
