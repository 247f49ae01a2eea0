import { changeArtifacts } from '../../../ops/gitlab/changes';
import type { ArtifactEntry } from '../../../ops/gitlab/ledger';
import { longTest } from '../../support/faults';
import type { RunningProcess } from '../../support/scenario/running-process';
import type { Scenario } from '../../support/scenario/scenario';
import { statusOf } from '../../support/scenario/status-of';
import { until } from '../../support/until';
import { useScenario } from '../../support/scenario/use-scenario';

const grounds = {
  burst: useScenario(`${__filename} burst`, { changes: 'streamed' }),
  pause: useScenario(`${__filename} pause`, { changes: 'none' }),
};

const minutesMs = 600_000;
const bulk = { withObjects: false } as const;
const anna = ['--author', 'anna', '--reason', 'maintenance', '--yes'];

const warnings = (process: RunningProcess) =>
  process.lines.filter(({ level }) => level !== 'info' && level !== 'debug');

/** What status says of the sweep, again and again for as long as the work lasts. */
async function statesDuring(scenario: Scenario, work: Promise<unknown>): Promise<Set<string>> {
  const states = new Set<string>();
  const over = { is: false };
  const ends = work.finally(() => (over.is = true));
  while (!over.is) states.add((await statusOf(scenario, 'expired-artifacts')).state);
  await ends;
  return states;
}

longTest(
  'a burst of 60,000 changes on a healthy stack is worked off in silence, and status never says held',
  async () => {
    const scenario = grounds.burst();
    const changed = await scenario.world.manyArtifacts({ ...bulk, count: 30_000, locked: 1 });
    const sweep = scenario.run('expired-artifacts');
    await sweep.logged('process.started');
    await scenario.caughtUp('expired-artifacts', 'cdc.public.p_ci_job_artifacts', minutesMs);
    // Of two changes of each row the second one puts it back: none of them may go.
    const burst = async (artifacts: readonly ArtifactEntry[]): Promise<void> => {
      await changeArtifacts(scenario.gitlab, artifacts, "expire_at = now() + interval '30 days'");
      await changeArtifacts(scenario.gitlab, artifacts, "expire_at = now() - interval '1 hour'");
      await scenario.caughtUp('expired-artifacts', 'cdc.public.p_ci_job_artifacts', minutesMs);
    };
    const states = await statesDuring(scenario, burst(changed));
    expect(warnings(sweep)).toEqual([]);
    expect([...states]).not.toContain('held');
    await scenario.expectKept(changed);
    await sweep.stop();
  },
  2 * minutesMs,
);

longTest(
  'with 12,000 artifacts in flight and the deleter paused status says who paused it, and names no end',
  async () => {
    const scenario = grounds.pause();
    const flag = ['artifact-deleter', 'pause'];
    await scenario.command(['flags', 'set', ...flag, 'true', ...anna]);
    const deleter = scenario.run('artifact-deleter');
    await deleter.logged('process.started');
    const due = await scenario.world.manyArtifacts({ ...bulk, count: 14_000 });
    const sweep = scenario.run('expired-artifacts', {
      // There is no connector whose absence status would show instead.
      CONNECT_URL: '',
      SWEEP_PAGE_ROWS: '1000',
      LOOP_LIMIT_ARTIFACTS: '1000',
    });
    await until('status says what the sweep waits for', async () => {
      const said = await statusOf(scenario, 'expired-artifacts');
      expect(said.sentence).toBe(
        'waiting: 12,000 artifacts are in flight, artifact-deleter is paused by anna: maintenance',
      );
      const paused = await statusOf(scenario, 'artifact-deleter');
      expect([said.wholeEtaMs, paused.etaMs]).toEqual([null, null]);
      return true;
    });
    const { noise } = await scenario.command(['status']);
    expect(noise.join('\n')).not.toMatch(/done in about/);
    await scenario.command(['flags', 'unset', ...flag, ...anna]);
    await scenario.gone(due, minutesMs);
    await Promise.all([sweep, deleter].map((process) => process.stop()));
  },
  2 * minutesMs,
);
