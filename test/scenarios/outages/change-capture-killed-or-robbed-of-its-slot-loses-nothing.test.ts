import { unlockArtifacts } from '../../../ops/gitlab/changes';
import { createRandom } from '../../../ops/gitlab/random';
import { BothFlows } from '../../support/scenario/both-flows';
import { inFull, lasts, longTest, randomSeed, report } from '../../support/faults';
import type { RunningProcess } from '../../support/scenario/running-process';
import { type Scenario } from '../../support/scenario/scenario';
import { statusOf } from '../../support/scenario/status-of';
import { useScenario } from '../../support/scenario/use-scenario';
import { asSuperuser } from '../../support/stack/stack';
import { until } from '../../support/until';

const ground = useScenario(__filename, { changes: 'streamed' });
const secondsMs = 180_000;
/** The exit code of `connect apply` when changes were lost before it. */
const gapFound = 5;

let flows: BothFlows;
let sweep: RunningProcess;

beforeAll(async () => {
  flows = new BothFlows(ground());
  [sweep] = flows.run() as [RunningProcess];
  await flows.more();
  await flows.done();
});

/** Artifacts that only the change stream, or a repair, can find: they expired far behind the watermark. */
const lockedLongAgo = (scenario: Scenario, count: number) =>
  scenario.world.manyArtifacts({ count, expireInMs: -86_400_000, locked: 1 });

const connector = (path: string, method: string): Promise<Response> => {
  const { stack, slot } = ground();
  const url = `${stack.addresses.connectUrl}/connectors/${slot}${path}`;
  return fetch(url, { method, signal: AbortSignal.timeout(60_000) });
};

async function slotIsFree(): Promise<void> {
  const { stack, slot } = ground();
  await asSuperuser(stack, 'postgres', (client) =>
    until('the slot is free', async () => {
      const active = 'SELECT FROM pg_replication_slots WHERE slot_name = $1 AND active';
      return (await client.query(active, [slot])).rowCount === 0;
    }),
  );
}

/** The watchdog has a minute to log what it detects. @param before how often it had logged something. */
async function statusNames(what: string, problem: RegExp, before: number): Promise<void> {
  const sinceMs = Date.now();
  const since = () => sweep.events('cdc.unwell').slice(before);
  const says = () => since().some((line) => problem.test(JSON.stringify(line)));
  await until(`the watchdog tells of ${what}`, says, 60_000);
  report(what, { toldAfterMs: Date.now() - sinceMs });
}

/** Changes arrive by themselves, not by the sweep of a repair. */
async function streamsOn(): Promise<void> {
  const scenario = ground();
  const next = await lockedLongAgo(scenario, 20);
  await unlockArtifacts(scenario.gitlab, next);
  await scenario.gone(next, secondsMs);
}

test('Connect is killed again and again in mid-burst: every change arrives', async () => {
  const scenario = ground();
  const random = createRandom(randomSeed);
  const { connect } = scenario.stack.servers;
  for (let round = 0; round < inFull(20, 1); round += 1) {
    const changing = await lockedLongAgo(scenario, 300);
    await unlockArtifacts(scenario.gitlab, changing.slice(0, 150));
    await lasts(random.whole(0, 500));
    await connect.kill();
    await unlockArtifacts(scenario.gitlab, changing.slice(150));
    await connect.start();
    await scenario.gone(changing, secondsMs);
  }
}, 1_200_000);

test('Connect is unavailable: status shows that no change arrives, and why, for as long as that lasts', async () => {
  const scenario = ground();
  const { connect } = scenario.stack.servers;
  const says = async (what: RegExp) =>
    what.test((await statusOf(scenario, 'expired-artifacts')).sentence);
  await connect.kill();
  await until('status says so', () => says(/^held: changes may not arrive: .*No client streams/));
  await connect.start();
  await until('status no longer does', () => says(/^(idle|working)/), secondsMs);
});

/**
 * Where PostgreSQL still has the log before an advance a mere resume would be enough; Debezium's task fails where it
 * has not.
 */
const robberies: readonly (readonly [string, string, RegExp])[] = [
  ['advanced', 'pg_replication_slot_advance($1, pg_current_wal_lsn())', /past the connector's/],
  ['dropped', 'pg_drop_replication_slot($1)', /slot is gone/],
];

longTest.each(robberies)(
  'the slot is %s behind the back of Connect: it is reported, begun anew, and a sweep repairs it',
  async (what, robbery, problem) => {
    const scenario = ground();
    const before = sweep.events('cdc.unwell').length;
    expect((await connector('/stop', 'PUT')).ok).toBe(true);
    await slotIsFree();
    const missed = await lockedLongAgo(scenario, 50);
    await unlockArtifacts(scenario.gitlab, missed);
    await asSuperuser(scenario.stack, scenario.scope.database, (client) =>
      client.query(`SELECT ${robbery}`, [scenario.slot]),
    );
    await statusNames(`a slot that was ${what}`, problem, before);
    await scenario.command(['connect', 'apply', '--begin-anew'], 'cdc', gapFound);
    await scenario.gone(missed, secondsMs);
    await streamsOn();
  },
);

longTest('the task fails: it is reported, and after its restart every change arrives', async () => {
  const scenario = ground();
  const before = sweep.events('cdc.unwell').length;
  await asSuperuser(scenario.stack, 'postgres', async (client) => {
    await client.query('ALTER ROLE afterbuild_cdc NOREPLICATION');
    await client.query(
      'SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1',
      [scenario.slot],
    );
  });
  const changing = await lockedLongAgo(scenario, 50);
  await unlockArtifacts(scenario.gitlab, changing);
  await until('the watchdog tells', () => sweep.events('cdc.unwell').length > before, secondsMs);
  await asSuperuser(scenario.stack, 'postgres', (client) =>
    client.query('ALTER ROLE afterbuild_cdc REPLICATION'),
  );
  await connector('/restart?includeTasks=true', 'POST');
  await scenario.gone(changing, secondsMs);
});
