import { unlockArtifacts } from '../../../ops/gitlab/changes';
import type { ArtifactEntry } from '../../../ops/gitlab/ledger';
import { awayForAMinute, saidTooOftenOrNotAtAll } from '../../support/stack/outage';
import type { RunningProcess } from '../../support/scenario/running-process';
import { useScenario } from '../../support/scenario/use-scenario';
import { asSuperuser } from '../../support/stack/stack';
import { until } from '../../support/until';

const ground = useScenario(__filename, { changes: 'streamed' });

/** After the server is available: the group, Connect and every client have to find it again. */
const secondsMs = 120_000;

let sweep: RunningProcess;
let deleter: RunningProcess;
let lockedLongAgo: ArtifactEntry;
let staying: readonly ArtifactEntry[];
let linesBefore: readonly [number, number];

/** The processes run through all three outages: nothing is restarted. */
beforeAll(async () => {
  const { world } = ground();
  staying = await world.manyArtifacts({ count: 20, expireInMs: 3_600_000 });
  // Small statements, so that one is always in progress.
  sweep = ground().run('expired-artifacts', { SWEEP_PAGE_ROWS: '500' });
  deleter = ground().run('artifact-deleter', { DELETE_ROWS_MAX: '50' });
  await ground().gone(await world.manyArtifacts({ count: 50 }));
});

beforeEach(async () => {
  lockedLongAgo = await ground().world.anArtifact({ expireInMs: -86_400_000, locked: 1 });
  linesBefore = [sweep.lines.length, deleter.lines.length];
});

/** Only the change stream can find it: its expiry lies far behind the watermark. */
async function expectStreamed(): Promise<void> {
  await unlockArtifacts(ground().gitlab, [lockedLongAgo]);
  await ground().gone([lockedLongAgo], secondsMs);
}

afterEach(async () => {
  await ground().caughtUp('artifact-deleter', 'artifacts.expired');
  await ground().expectKept(staying);
  expect([sweep.exit, deleter.exit]).toEqual([undefined, undefined]);
  const unfinished = () => [
    ...saidTooOftenOrNotAtAll(sweep, linesBefore[0]),
    ...saidTooOftenOrNotAtAll(deleter, linesBefore[1]),
  ];
  await until(
    'every lane has logged that it goes on',
    () => unfinished().length === 0,
    secondsMs,
  ).catch(() => expect(unfinished()).toEqual([]));
});

test('while S3 is unavailable rows go and their objects wait; they are deleted when it is back', async () => {
  const scenario = ground();
  const now = await scenario.world.manyArtifacts({ count: 1_000, expireInMs: 2_000 });
  const later = await scenario.world.manyArtifacts({ count: 200, expireInMs: 25_000 });
  await until('some rows go', async () => (await scenario.rowsOf(now)).length < now.length);
  await awayForAMinute(scenario.stack.servers.objectStorage, async () => {
    // Its rows are gone by then; rows of work that has not begun stay until the breaker lets it begin.
    await deleter.logged('lane.retrying', isOf(/S3, DeleteObjects on bucket/));
  });
  await scenario.gone([...now, ...later], secondsMs);
  await expectStreamed();
});

test('while PostgreSQL is unavailable nothing happens; both processes and Debezium go on when it is back', async () => {
  const scenario = ground();
  const { stack, world } = scenario;
  const now = await world.manyArtifacts({ count: 1_000 });
  const later = await world.manyArtifacts({ count: 200, expireInMs: 25_000 });
  await until('some are deleted', async () => (await scenario.rowsOf(now)).length < now.length);
  await awayForAMinute(stack.servers.postgres, async () => {
    await sweep.logged('dependency.failed', isOf(/PostgreSQL/));
  });
  await until('Debezium streams again', () =>
    asSuperuser(stack, 'postgres', async (client) => {
      const active = 'SELECT FROM pg_replication_slots WHERE slot_name = $1 AND active';
      return (await client.query(active, [scenario.slot])).rowCount === 1;
    }),
  );
  await scenario.gone([...now, ...later], secondsMs);
  await expectStreamed();
});

test('while Kafka is unavailable GitLab goes on, and what expired or changed then is deleted when it is back', async () => {
  const scenario = ground();
  const { stack, world, gitlab } = scenario;
  const before = await world.manyArtifacts({ count: 1_000 });
  const unlocked = await world.manyArtifacts({ count: 20, expireInMs: -86_400_000, locked: 1 });
  await until('some are deleted', async () => (await scenario.rowsOf(before)).length < 1_000);
  let during: readonly ArtifactEntry[] = [];
  await awayForAMinute(stack.servers.kafka, async () => {
    during = await world.manyArtifacts({ count: 500 });
    await unlockArtifacts(gitlab, unlocked);
    await sweep.logged('dependency.failed');
  });
  await scenario.gone([...before, ...during], secondsMs);
  await scenario.gone(unlocked, secondsMs);
  await expectStreamed();
});

const isOf =
  (reason: RegExp) =>
  (line: { readonly [field: string]: unknown }): boolean =>
    reason.test((line['err'] as Error).message);
