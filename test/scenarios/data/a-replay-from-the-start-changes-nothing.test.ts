import { topicNames } from '../../../lib/kafka/topics/topics';
import { eraseBuild, lockArtifacts, setExpiry, unlockArtifacts } from '../../../ops/gitlab/changes';
import { deleteProject } from '../../../ops/gitlab/delete-project';
import { insertProjects } from '../../../ops/gitlab/rows';
import { forgetOffsets, makeAnew } from '../../support/scenario/operator-actions';
import { endOf, runReplay } from '../../support/scenario/replay-command';
import { type Scenario } from '../../support/scenario/scenario';
import { useScenario } from '../../support/scenario/use-scenario';
import { until } from '../../support/until';

const ground = useScenario(__filename, { changes: 'streamed' });

const day = 86_400_000;
const daily = { SWEEP_FULL_EVERY_MS: `${day}` };

/** The whole content, row by row and object by object. */
async function stores(scenario: Scenario): Promise<unknown> {
  const rows = await scenario.sql<{ row: string }>(
    'SELECT artifact::text AS row FROM p_ci_job_artifacts AS artifact ORDER BY id',
  );
  const objects: string[] = [];
  for await (const page of scenario.gitlab.objects.list()) {
    for (const { key, sizeBytes } of page) objects.push(`${key} ${sizeBytes}`);
  }
  return { rows: rows.map(({ row }) => row), objects };
}

async function recordsOf(scenario: Scenario, topic: string = topicNames.artifactsExpired) {
  const ends = await scenario.topics.ends(scenario.named(topic));
  return ends.reduce((total, { highWatermark }) => total + highWatermark, 0);
}

async function drained(scenario: Scenario): Promise<void> {
  await scenario.caughtUp('expired-artifacts', topicNames.artifactChanges);
  await scenario.caughtUp('artifact-deleter', topicNames.artifactsExpired);
}

test('every topic replayed from the start, and the sweep begun anew, leave the stores as they are', async () => {
  const scenario = ground();
  const { world, gitlab } = scenario;
  const [projectId = 0] = await insertProjects(gitlab.pool, 1);
  const doomed = await world.aPipeline({ projectId });
  const legacyBuild = await world.aBuild();
  const erased = await world.aBuild();
  const gone = await world.manyArtifacts({ count: 300 });
  const goneLegacy = await world.anArtifact({ build: legacyBuild, keyKind: 'legacy' });
  const extended = await world.manyArtifacts({ count: 30 });
  const relocked = await world.manyArtifacts({ count: 30, locked: 1 });
  const toErase = await world.anArtifact({ build: erased, keyKind: 'final' });
  const ofProject = await world.manyArtifacts({ count: 30, pipeline: doomed });
  // In each of the 96 lanes: more records than the brake judges at a time, however few micro-batches.
  const behind = { count: 400, locked: 1, expireInMs: -2 * day };
  const changed = [
    ...(await world.manyArtifacts(behind)),
    ...(await world.manyArtifacts({ ...behind, partitionId: 102 })),
  ];

  // Produced while they were due; then GitLab changes them, and then the deleter runs.
  await unlockArtifacts(gitlab, [...relocked, ...changed]);
  const finding = scenario.run('expired-artifacts', daily);
  await finding.logged('page.produced');
  await scenario.caughtUp('expired-artifacts', topicNames.artifactChanges);
  const spared = [...extended, ...relocked, toErase, ...ofProject];
  await setExpiry(gitlab, [...extended, toErase], day);
  await lockArtifacts(gitlab, [...relocked, ...ofProject]);
  const deleting = scenario.run('artifact-deleter');
  await scenario.gone([...gone, ...changed, goneLegacy]);
  await drained(scenario);
  await scenario.expectKept(spared);

  await eraseBuild(gitlab, erased);
  await deleteProject(gitlab, projectId);
  const again = await world.anArtifact({ build: legacyBuild, keyKind: 'legacy', expireInMs: day });
  expect(again.key).toBe(goneLegacy.key);
  const [first] = gone;
  const reborn = { id: first!.jobId, partitionId: 100, pipelineId: 0, locked: false };
  const owner = { ...reborn, projectId: await world.aProject() };
  await world.anArtifact({ build: owner, fileType: first!.fileType, expireInMs: day });
  await drained(scenario);
  expect([(await finding.stop()).code, (await deleting.stop()).code]).toEqual([0, 0]);

  const before = await stores(scenario);
  const recordsBefore = await recordsOf(scenario);
  for (const name of ['artifact-deleter', 'expired-artifacts'] as const) {
    const replayed = await endOf(runReplay(scenario, name, '--from', '1h', '--rate', '1000'));
    expect(replayed).toMatchObject({ ending: 'done', exitCode: 0, done: replayed.total });
    expect(replayed.total).toBeGreaterThan(0);
    expect(await stores(scenario)).toEqual(before);
  }
  await forgetOffsets(scenario, ['expired-artifacts', 'artifact-deleter']);
  await makeAnew(scenario, topicNames.progress, 12, { 'cleanup.policy': 'compact' });
  const deletingAgain = scenario.run('artifact-deleter');
  const findingAgain = scenario.run('expired-artifacts', daily);
  await drained(scenario);
  const isSwept = async () => (await recordsOf(scenario, topicNames.progress)) >= 2;
  await until('both shards have been swept from the beginning', isSwept);
  await drained(scenario);
  // More than the brake's window: a repeated record is no sign of a wrong database.
  expect((await recordsOf(scenario)) - recordsBefore).toBeGreaterThan(100);
  const asked = deletingAgain
    .events('artifacts.deleted')
    .reduce((total, line) => total + Number(line['asked']), 0);
  expect(asked).toBeGreaterThan(2 * gone.length);
  expect((await findingAgain.stop()).code).toBe(0);
  expect(await stores(scenario)).toEqual(before);
});
