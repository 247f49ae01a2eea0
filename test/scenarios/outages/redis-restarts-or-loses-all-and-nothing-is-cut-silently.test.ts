import { chunkBytes, chunkStore } from '../../../lib/gitlab/trace-chunks';
import { traceRow } from '../../../ops/gitlab/traces/archived-trace';
import { announce, expectArchived, finishedTraces } from '../../support/records/archived-builds';
import { BothFlows } from '../../support/scenario/both-flows';
import { inFull, lasts } from '../../support/faults';
import { useScenario } from '../../support/scenario/use-scenario';
import { until } from '../../support/until';

const ground = useScenario(`${__filename} restart`, { changes: 'none' });
const flushed = useScenario(`${__filename} flush`, { changes: 'none' });

test('Redis is restarted with its data, and killed: no byte of a live trace is missing', async () => {
  const scenario = ground();
  const { redis } = scenario.stack.servers;
  const flows = new BothFlows(scenario);
  const processes = flows.run();
  await flows.more({ traces: 40 });
  await redis.stop();
  await lasts(inFull(60_000, 2_000));
  await redis.start();
  await flows.done(120_000);
  await flows.more({ traces: 40 });
  // Written to the append-only file once a second.
  await lasts(1_500);
  await redis.kill();
  await redis.start();
  await flows.done(120_000);
  expect(processes.map(({ exit }) => exit)).toEqual(processes.map(() => undefined));
});

test('Redis is flushed: what was in it alone is named, counted and marked, the rest is archived', async () => {
  const scenario = flushed();
  const { gitlab } = scenario;
  const mixed = await finishedTraces(scenario, [
    {
      sizeBytes: 300_000,
      storeOf: (index) => (index === 1 ? chunkStore.redisTraceChunks : chunkStore.database),
    },
    {
      sizeBytes: 300_000,
      storeOf: (index) => (index === 0 ? chunkStore.redisTraceChunks : chunkStore.fog),
    },
  ]);
  const safe = await finishedTraces(scenario, [
    { sizeBytes: 5_000, storeOf: () => chunkStore.database },
    { sizeBytes: 200_000, storeOf: () => chunkStore.fog },
  ]);
  // The ledger is written before the bytes are destroyed.
  gitlab.ledger.append(
    mixed.map(({ build }, which) => {
      const index = which === 0 ? 1 : 0;
      const fromByte = index * chunkBytes;
      return { kind: 'lost', buildId: build.id, fromByte, toByte: fromByte + chunkBytes };
    }),
  );
  await gitlab.redis.flushdb();

  const archiver = scenario.run('trace-archiver', {
    ARCHIVE_LOST_AFTER_MS: '2000',
    ARCHIVE_LEASE_MS: '1000',
  });
  // The stale sweep names a waiting build again and again, until nothing can come back.
  scenario.run('finished-builds', { STALE_AGE_MS: '1000', STALE_EVERY_MS: '1000' });
  await announce(scenario, [...mixed, ...safe]);
  await archiver.logged('trace.waits');
  await until('each of them is archived', async () => {
    const rows = await Promise.all(mixed.map(({ build }) => traceRow(gitlab.pool, build.id)));
    return rows.every((row) => row !== undefined);
  });
  await expectArchived(scenario, safe);
  const named = () => archiver.events('trace.archived-with-faults').map(({ buildId }) => buildId);
  await until('both are named', () => named().length >= mixed.length);
  expect(new Set(named())).toEqual(new Set(mixed.map(({ build }) => build.id)));
  // The archiver logs the count of a batch on the line after the names.
  const counted = () =>
    archiver.events('traces.archived').reduce((sum, { partial }) => sum + Number(partial), 0);
  await until('both are counted', () => counted() >= mixed.length);
  expect(counted()).toBe(mixed.length);
  for (const [which, { build, sizeBytes }] of mixed.entries()) {
    const row = await traceRow(gitlab.pool, build.id);
    const stored = (await gitlab.objects.read(row!.key!))!;
    const from = which === 0 ? chunkBytes : 0;
    expect(stored.subarray(from, from + 100).toString()).toMatch(/was lost before it could/);
    expect(stored.length).toBe(sizeBytes);
  }
});
