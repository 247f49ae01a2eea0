import { steps, type Step } from '../../../lib/process/steps';
import { FinishedListener } from '../../support/records/finished-listener';
import { flowsKilledIn } from '../../support/scenario/killed-flows';
import { type Scenario } from '../../support/scenario/scenario';
import { useScenario } from '../../support/scenario/use-scenario';
import { chunkedBuilds, withoutChunks } from '../../support/records/stale-builds';
import { until } from '../../support/until';

/** Each has its own databases and topics, so that the waits for the group's session overlap. */
const grounds = {
  finished: useScenario(`${__filename} finished`, { changes: 'streamed' }),
  stale: useScenario(`${__filename} stale`, { changes: 'none' }),
};

type Flow = keyof typeof grounds;
const flows = Object.keys(grounds) as Flow[];
const slices = 12;
const pageBuilds = 2;
const waveBuilds = 120;
const settings = {
  finished: { STALE_EVERY_MS: '86400000' },
  // Longer than the group waits for the dead member: a finished slice would begin again, and name its builds once more,
  // while the others have not named all of theirs.
  stale: { STALE_EVERY_MS: '30000', STALE_PAGE_BUILDS: String(pageBuilds), STALE_PAUSE_MS: '20' },
};

/** @returns the builds to be announced, and how many of them the successor may repeat. */
const waves = {
  finished: async (scenario: Scenario) => {
    const running = { count: waveBuilds, status: 'running', finishedAgoMs: null };
    const wave = await chunkedBuilds(scenario, running);
    await scenario.sql(
      `UPDATE p_ci_builds SET status = 'success', finished_at = now() AT TIME ZONE 'utc'
       WHERE id = ANY($1)`,
      [wave],
    );
    return { wave, repeatsMax: waveBuilds };
  },
  stale: async (scenario: Scenario) => {
    const wave = await chunkedBuilds(scenario, { count: waveBuilds });
    return { wave, repeatsMax: slices * pageBuilds };
  },
};

async function round(flow: Flow, step: Step, listener: FinishedListener): Promise<void> {
  const scenario = grounds[flow]();
  const { wave, repeatsMax } = await waves[flow](scenario);
  const run = (more: object) =>
    scenario.run('finished-builds', {
      // Without the watchdog of change capture, whose stale pass at each start would be first.
      CONNECT_URL: '',
      ...settings[flow],
      ...more,
    });
  const victim = run({ AFTERBUILD_FAIL_POINT: `${step}=kill@2` });
  await until(`finished-builds is killed at ${step}`, () => victim.exit !== undefined);
  expect([step, victim.exit?.signal]).toEqual([step, 'SIGKILL']);

  const successor = run({});
  // A slice begins its next pass only when the archiver has finished the builds that the others have announced so far.
  const isTold = async () => {
    await listener.sayArchived();
    return listener.timesOf(wave).every((times) => times > 0);
  };
  await until(`every build is announced after a kill at ${step}`, isTold);
  await successor.stop();
  const repeats = listener.timesOf(wave).reduce((sum, times) => sum + times - 1, 0);
  expect({ step, repeats, isBounded: repeats <= repeatsMax }).toMatchObject({ isBounded: true });
  await withoutChunks(scenario);
  await listener.sayArchived();
}

async function everyStepOf(flow: Flow): Promise<void> {
  const listener = new FinishedListener(grounds[flow]());
  await listener.start();
  try {
    for (const step of steps.filter((one) => one.startsWith(`${flow}.`))) {
      await round(flow, step, listener);
    }
  } finally {
    await listener.stop();
  }
}

test('after a SIGKILL at any step a restart announces what was left, and repeats what was in flight at most', async () => {
  expect(flows.sort()).toEqual(flowsKilledIn(__filename));
  await Promise.all(flows.map(everyStepOf));
});
