import { topicNames } from '../../../lib/kafka/topics/topics';
import { steps, type Step } from '../../../lib/process/steps';
import { unlockArtifacts } from '../../../ops/gitlab/changes';
import { allFlows, flowsKilledIn } from '../../support/scenario/killed-flows';
import type { RunningProcess } from '../../support/scenario/running-process';
import type { ProcessName } from '../../../lib/process/processes';
import type { Scenario } from '../../support/scenario/scenario';
import { useScenario } from '../../support/scenario/use-scenario';
import { until } from '../../support/until';

/** Each has its own databases and topics, so that the waits for the group's session overlap. */
const grounds = {
  sweep: useScenario(`${__filename} sweep`, { changes: 'none' }),
  change: useScenario(`${__filename} change`, { changes: 'streamed' }),
  deleter: useScenario(`${__filename} deleter`, { changes: 'none' }),
};

const pageRows = 20;
// Without the watchdog of change capture, whose sweep at each start would name everything again.
const small = {
  CONNECT_URL: '',
  SWEEP_PAGE_ROWS: String(pageRows),
  SWEEP_FULL_EVERY_MS: '86400000',
};
const oneByOne = { DELETE_ROWS_MAX: String(pageRows), DELETE_CONCURRENCY: '1' };
/** Steps at which a process is also killed when it has been through them before. */
const inTheMidst: Partial<Record<Step, number>> = {
  'sweep.records-produced': 3,
  'change.records-produced': 3,
  'deleter.objects-deleted': 12,
};

/** Artifacts that were done twice, and how many were in flight at the kill. */
interface Repeats {
  readonly artifacts: number;
  readonly inFlight: number;
}

async function killedAt(scenario: Scenario, name: ProcessName, failPoint: string): Promise<void> {
  const victim = scenario.run(name, {
    ...small,
    ...oneByOne,
    AFTERBUILD_FAIL_POINT: failPoint,
  });
  await until(`${name} ends at ${failPoint}`, () => victim.exit !== undefined);
  expect([failPoint, victim.exit?.signal]).toEqual([failPoint, 'SIGKILL']);
}

const sum = (process: RunningProcess, event: string, field: string): number =>
  process.events(event).reduce((total, line) => total + Number(line[field]), 0);

/** It begins to delete only now, so that artifacts produced twice are there to be found twice. */
async function deleted(scenario: Scenario, wave: Parameters<Scenario['gone']>[0]): Promise<number> {
  const deleter = scenario.run('artifact-deleter');
  await scenario.gone(wave);
  await scenario.caughtUp('artifact-deleter', topicNames.artifactsExpired);
  await deleter.stop();
  return sum(deleter, 'artifacts.deleted', 'asked');
}

async function sweepRound(scenario: Scenario, failPoint: string): Promise<Repeats> {
  const wave = await scenario.world.manyArtifacts({ count: 100, expireInMs: -1 });
  await killedAt(scenario, 'expired-artifacts', failPoint);
  const successor = scenario.run('expired-artifacts', small);
  const isOver = () => sum(successor, 'page.produced', 'artifacts') > 0;
  await until('the successor sweeps', isOver);
  const asked = await deleted(scenario, wave);
  await successor.stop();
  return { artifacts: asked - wave.length, inFlight: pageRows };
}

async function changeRound(scenario: Scenario, failPoint: string): Promise<Repeats> {
  // Behind the watermark, so that no sweep sees them.
  const wave = await scenario.world.manyArtifacts({
    count: 100,
    locked: 1,
    expireInMs: -7_200_000,
  });
  await unlockArtifacts(scenario.gitlab, wave);
  await killedAt(scenario, 'expired-artifacts', failPoint);
  const inFlight = await scenario.behind('expired-artifacts', topicNames.artifactChanges);
  const successor = scenario.run('expired-artifacts', small);
  await scenario.caughtUp('expired-artifacts', topicNames.artifactChanges);
  const asked = await deleted(scenario, wave);
  await successor.stop();
  return { artifacts: asked - wave.length, inFlight };
}

async function deleterRound(
  scenario: Scenario,
  failPoint: string,
  sweep: RunningProcess,
): Promise<Repeats> {
  const before = sum(sweep, 'page.produced', 'artifacts');
  const wave = await scenario.world.manyArtifacts({ count: 400, expireInMs: -1 });
  const isProduced = () => sum(sweep, 'page.produced', 'artifacts') - before >= wave.length;
  await until('the wave is on the topic', isProduced);
  await killedAt(scenario, 'artifact-deleter', failPoint);
  const inFlight = await scenario.behind('artifact-deleter', topicNames.artifactsExpired);
  const successor = scenario.run('artifact-deleter');
  await scenario.gone(wave);
  await scenario.caughtUp('artifact-deleter', topicNames.artifactsExpired);
  await successor.stop();
  // Committed records are not read again.
  expect(sum(successor, 'artifacts.deleted', 'records')).toBe(inFlight);
  const artifacts = sum(successor, 'artifacts.deleted', 'alreadyGone');
  return { artifacts, inFlight: inFlight * pageRows };
}

const rounds = { sweep: sweepRound, change: changeRound, deleter: deleterRound };
type Flow = keyof typeof rounds;
const flows = Object.keys(rounds) as Flow[];
const stepsOf = (flow: Flow) => steps.filter((step) => step.startsWith(`${flow}.`));

test('every step of the effects belongs to a flow whose process is killed there', () => {
  expect(flows.sort()).toEqual(flowsKilledIn(__filename));
  expect([...new Set(steps.map((step) => step.split('.')[0]))].sort()).toEqual(allFlows());
});

async function everyStepOf(flow: Flow): Promise<void> {
  const scenario = grounds[flow]();
  const kept = await scenario.world.manyArtifacts({ count: 10, locked: 1 });
  const swept = await scenario.world.anArtifact();
  const sweep = scenario.run('expired-artifacts', small);
  await sweep.logged('page.produced');
  if (flow !== 'deleter') await sweep.stop();
  await deleted(scenario, [swept]);
  for (const step of stepsOf(flow)) {
    for (const time of [1, inTheMidst[step] ?? []].flat()) {
      const repeats = await rounds[flow](scenario, `${step}=kill@${time}`, sweep);
      const isBounded = repeats.artifacts <= repeats.inFlight;
      expect({ step, time, ...repeats, isBounded }).toMatchObject({ isBounded: true });
    }
  }
  await scenario.expectKept(kept);
}

test('after a SIGKILL at any step a restart ends as if once, and repeats what was in flight at most', async () => {
  await Promise.all(flows.map(everyStepOf));
}, 600_000);
