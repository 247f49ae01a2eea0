import { traceKey } from '../../../lib/gitlab/trace-key';
import { announce, expectArchived, finishedTraces } from '../../support/records/archived-builds';
import { poisonReasons } from '../../../lib/runtime/poison';
import { failureTopics, topicNames } from '../../../lib/kafka/topics/topics';
import type { ArtifactEntry } from '../../../ops/gitlab/ledger';
import type { ArtifactsExpired } from '../../../schemas/generated';
import { operatorProduces } from '../../support/scenario/operator-actions';
import { recordsOn } from '../../support/records/dead-letters';
import { dlq } from '../../support/scenario/dlq-command';
import { ExpiredRecords } from '../../support/records/expired-records';
import type { RunningProcess } from '../../support/scenario/running-process';
import { useScenario } from '../../support/scenario/use-scenario';
import { until } from '../../support/until';

const ground = useScenario(__filename, { changes: 'none' });
const topic = topicNames.artifactsExpired;
const deadLetters = failureTopics.deadLetters(topic, 'artifact-deleter');

async function produce(
  records: ExpiredRecords,
  values: readonly ArtifactsExpired[],
  headers: Record<string, string> = {},
): Promise<void> {
  const encoded = await Promise.all(values.map((value) => records.encode(value)));
  const outgoing = encoded.map((value, at) => ({
    ...{ partition: at % 12, key: `100:${at}`, value, headers },
  }));
  await operatorProduces(ground(), topic, outgoing);
}

/** Rows that the pipeline did not delete, whose objects exist: a forged record can name them. */
async function vanished(
  records: ExpiredRecords,
  count: number,
): Promise<[ArtifactEntry[], ArtifactsExpired]> {
  const artifacts = await ground().world.manyArtifacts({ count, expireInMs: 3_600_000 });
  const each = await Promise.all(artifacts.map((artifact) => records.of(artifact)));
  const named = each.flatMap((one) => one.artifacts).toSorted((a, b) => a.id - b.id);
  const ids = named.map(({ id }) => id);
  await ground().sql('DELETE FROM p_ci_job_artifacts WHERE id = ANY ($1)', [ids]);
  return [artifacts, { ...each[0]!, artifacts: named }];
}

const held = (deleter: RunningProcess, reason: RegExp) =>
  until(`${deleter.name} is held`, () =>
    Promise.resolve(deleter.lines.some((line) => reason.test(JSON.stringify(line)))),
  );

async function accept(): Promise<void> {
  await ground().command(['accept-database', '--reason', 'looked at', '--yes'], 'deleter');
  await ground().caughtUp('artifact-deleter', topic);
}

/** An operator's next step with objects whose rows are gone. */
async function cleanUp(artifacts: readonly ArtifactEntry[]): Promise<void> {
  const { gitlab } = ground();
  await gitlab.objects.remove(artifacts.flatMap(({ key }) => key ?? []));
  gitlab.ledger.append([{ kind: 'deleted', ids: artifacts.map(({ id }) => id) }]);
}

test('a record that names the key of a living artifact deletes nothing, and one with an impossible date is a dead letter that forges no line', async () => {
  const scenario = ground();
  const records = new ExpiredRecords(scenario);
  const living = await scenario.world.anArtifact({ locked: 1 });
  const record = await records.of(living);
  const [known] = record.artifacts;
  const forged = { ...known!, id: 987_654_321, fileFinalPath: living.key };
  const impossible = { ...known!, createdOnDays: 2_147_483_647 };
  const text = 'a\n0 dead letters wait on 4 topics.\u001b[8m\u009b1A\u202e';
  await produce(records, [
    { ...record, artifacts: [forged] },
    { ...record, artifacts: [known!, forged] },
  ]);
  await produce(records, [{ ...record, artifacts: [impossible] }], { own: text });
  const many = Array.from({ length: 1_001 }, (_, at) => [`header-${at}`, 'x'] as const);
  await produce(records, [{ ...record, artifacts: [known!] }], Object.fromEntries(many));
  const deleter = scenario.run('artifact-deleter');
  await scenario.caughtUp('artifact-deleter', topic);
  await scenario.expectKept([living]);
  const unusable = await deleter.logged('artifacts.unusable-key');
  expect(unusable['ids']).toContain(forged.id);

  expect(await recordsOn(scenario, deadLetters)).toHaveLength(2);
  const unread = await dlq(scenario, 'show', '--reason', 'too-many-headers', '--json');
  expect(unread.json).toMatchObject([{ headers: {} }]);
  expect(Object.keys(poisonReasons)).toContain('impossible-value');
  const { printed } = await dlq(scenario, 'show', '--reason', 'impossible-value');
  expect(printed).toMatch(new RegExp(`impossible createdOnDays of ${known!.id}:`));
  expect(printed).toContain(
    'own: a\\u000a0 dead letters wait on 4 topics.\\u001b[8m\\u009b1A\\u202e',
  );
  expect(printed).not.toMatch(/[\u001b\u009b\u202e]/);
  const shown = await dlq(scenario, 'show', '--reason', 'impossible-value', '--json');
  expect(shown.printed).not.toMatch(/[\u001b\u009b\u202e]/);
  expect(shown.json).toMatchObject([{ headers: { own: text } }]);
  await deleter.stop();
});

test('a record that names a trace between its upload and the commit of its row deletes nothing', async () => {
  const scenario = ground();
  const records = new ExpiredRecords(scenario);
  const record = await records.of(await scenario.world.anArtifact({ locked: 1 }));
  const traces = await finishedTraces(scenario, [{ sizeBytes: 5_000 }]);
  await announce(scenario, traces);
  const archiver = scenario.run('trace-archiver', {
    AFTERBUILD_FAIL_POINT: 'archiver.traces-stored=stop',
  });
  await archiver.frozen();
  const { id: buildId, partitionId, projectId } = traces[0]!.build;
  const fileFinalPath = traceKey({ partitionId, buildId, projectId });
  const forged = { ...record.artifacts[0]!, id: 987_654_322, jobId: buildId, projectId };
  await produce(records, [{ ...record, partitionId, artifacts: [{ ...forged, fileFinalPath }] }]);
  const deleter = scenario.run('artifact-deleter');
  await scenario.caughtUp('artifact-deleter', topic);
  await deleter.stop();
  archiver.kill('SIGCONT');
  await scenario.caughtUp('trace-archiver', topicNames.buildsFinished);
  // Frozen for longer than its session it may find itself outside the group.
  archiver.mayFail = true;
  await archiver.stop();
  await expectArchived(scenario, traces);
});

test('390 records that call themselves a repair, and one first record of 1,000, are held while their objects are there', async () => {
  const scenario = ground();
  const records = new ExpiredRecords(scenario);
  const [some, record] = await vanished(records, 390);
  const single = record.artifacts.map((artifact) => ({ ...record, artifacts: [artifact] }));
  const deleter = scenario.run('artifact-deleter');
  // Records in a partition at its assignment may have been handled by an earlier, killed holder: they have a limit of
  // their own.
  await produce(
    records,
    Array.from({ length: 12 }, () => ({ ...record, artifacts: [] })),
  );
  await scenario.caughtUp('artifact-deleter', topic);
  await produce(
    records,
    single.map((one) => ({ ...one, source: 'repair' })),
  );
  await held(deleter, /artifacts in the last 200 records .* over 50 %/);
  expect((await scenario.objectsOf(some)).length).toBeGreaterThanOrEqual(190);
  await accept();
  expect((await scenario.objectsOf(some)).length).toBeGreaterThanOrEqual(190);

  const [many, whole] = await vanished(records, 1_000);
  await produce(records, [whole]);
  await held(deleter, /1000 of the 1000 artifacts .* over 20 %/);
  await accept();
  expect(await scenario.objectsOf(many)).toHaveLength(1_000);
  await deleter.stop();
  await cleanUp([...some, ...many]);
});
