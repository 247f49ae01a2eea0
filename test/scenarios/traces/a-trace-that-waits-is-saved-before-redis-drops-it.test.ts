import { chunkBytes, chunkRedisKey, chunkStore } from '../../../lib/gitlab/trace-chunks';
import { traceRow } from '../../../ops/gitlab/traces/archived-trace';
import { announce, expectArchived, finishedTraces } from '../../support/records/archived-builds';
import { useScenario } from '../../support/scenario/use-scenario';
import { until } from '../../support/until';

const ground = useScenario(__filename, { changes: 'none' });
const bytesMax = 200_000;
/** Seven days in GitLab; here a few passes of the stale sweep. */
const lifetimeMs = 40_000;

test('a trace with a chunk of a wrong size, and one that is too long, are stored before Redis drops their data', async () => {
  const scenario = ground();
  const { gitlab } = scenario;
  const live = { storeOf: () => chunkStore.redisTraceChunks };
  const traces = await finishedTraces(scenario, [
    { sizeBytes: chunkBytes + 5_000, ...live },
    { sizeBytes: bytesMax + 100_000, ...live },
  ]);
  const [short, long] = traces;
  const key = chunkRedisKey(short!.build.id, 0);
  const kept = 120_000;
  // The ledger is written before the bytes are destroyed.
  gitlab.ledger.append([
    { kind: 'lost', buildId: short!.build.id, fromByte: kept, toByte: chunkBytes },
  ]);
  const whole = (await gitlab.redis.getBuffer(key))!;
  await gitlab.redis.set(key, whole.subarray(0, kept));
  const archiver = scenario.run('trace-archiver', {
    ARCHIVE_BYTES_MAX: String(bytesMax),
    ARCHIVE_SAVE_BEFORE_MS: String(lifetimeMs - 5_000),
    ARCHIVE_LEASE_MS: '1000',
  });
  scenario.run('finished-builds', { STALE_AGE_MS: '1000', STALE_EVERY_MS: '1000' });
  await archiver.logged('process.started');
  for (const { build, sizeBytes } of traces) {
    for (let index = 0; index * chunkBytes < sizeBytes; index += 1) {
      await gitlab.redis.pexpire(chunkRedisKey(build.id, index), lifetimeMs);
    }
  }
  await announce(scenario, traces);
  await until('each of them is archived', async () => {
    const rows = await Promise.all(traces.map(({ build }) => traceRow(gitlab.pool, build.id)));
    return rows.every((row) => row !== undefined);
  });
  // The chunks are removed after the row's commit.
  await scenario.caughtUp('trace-archiver', 'builds.finished');
  await expectArchived(scenario, [long!]);
  const row = await traceRow(gitlab.pool, short!.build.id);
  const stored = (await gitlab.objects.read(row!.key!))!;
  expect(stored.subarray(0, kept).equals(whole.subarray(0, kept))).toBe(true);
  expect(stored.subarray(kept, chunkBytes).toString()).toMatch(/chunk 0 of this log has 120000/);
  expect(stored).toHaveLength(short!.sizeBytes);
  await until('it is reported', () =>
    archiver
      .events('trace.archived-with-faults')
      .some(({ buildId }) => buildId === short!.build.id),
  );
});
