import { topicNames } from '../../../lib/kafka/topics/topics';
import { announce, expectArchived, finishedTraces } from '../../support/records/archived-builds';
import { BothFlows, briskly } from '../../support/scenario/both-flows';
import { forgetOffsets, makeAnew } from '../../support/scenario/operator-actions';
import type { RunningProcess } from '../../support/scenario/running-process';
import { type Scenario } from '../../support/scenario/scenario';
import { useScenario } from '../../support/scenario/use-scenario';
import { until } from '../../support/until';
import { untilReadiness } from '../../support/scenario/health-pages';

const ground = useScenario(`${__filename} log`, { changes: 'none' });
const forgotten = useScenario(`${__filename} offsets`, { changes: 'none' });

const expired = topicNames.artifactsExpired;

/** Imitates retention during a long outage. @returns the partitions with records that the group had not read. */
async function expireLog(scenario: Scenario, group: string, name: string): Promise<number[]> {
  const topic = scenario.named(name);
  const ends = (await scenario.topics.ends(topic)).filter(({ highWatermark }) => highWatermark > 0);
  const committed = await scenario.topics.committed(scenario.named(group), topic);
  const offsetOf = (partition: number): number | undefined =>
    committed.find((one) => one.partition === partition)?.offset;
  const partitions = ends.map(({ partition, highWatermark }) => ({
    partition,
    offset: String(highWatermark),
  }));
  await scenario.asOperator(async (admin) => {
    // It only knows the leaders of topics that it has been asked about.
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions });
  });
  return ends.flatMap((end) =>
    offsetOf(end.partition) === end.highWatermark ? [] : [end.partition],
  );
}

const halted = (process: RunningProcess): number[] =>
  process
    .events('partition.halted')
    .map(({ partition }) => Number(partition))
    .sort((a, b) => a - b);

test('retention outruns an outage: the partitions halt with an error, and a sweep brings all of it back', async () => {
  const scenario = ground();
  scenario.expectError(/lies before its start|has no committed offset/);
  const flows = new BothFlows(scenario);
  const sweep = scenario.run('expired-artifacts', briskly);
  const first = scenario.run('artifact-deleter', briskly);
  await flows.more({ traces: 0 });
  await flows.done();
  await first.stop();
  await flows.more({ artifacts: 500, traces: 0 });
  const swept = (): number =>
    sweep.events('page.produced').reduce((sum, { artifacts }) => sum + Number(artifacts), 0);
  await until('the wave is on the topic', () => swept() >= flows.artifacts.length);
  await sweep.stop();
  const lost = await expireLog(scenario, 'artifact-deleter', expired);

  const late = scenario.run('artifact-deleter', { ...briskly, HTTP_PORT: '0' });
  await until('each partition that lost records halts', () => halted(late).length === lost.length);
  expect(halted(late)).toEqual(lost);
  await untilReadiness(late, 503, /is halted: The group cannot go on/);
  expect(late.exit).toBeUndefined();
  await late.stop();

  // The remedy: the group's offsets set by an operator, and a full sweep for the artifacts of the lost records.
  const topic = scenario.named(expired);
  const ends = await scenario.topics.ends(topic);
  const partitions = ends.map(({ partition, highWatermark }) => ({
    partition,
    offset: String(highWatermark),
  }));
  const groupId = scenario.named('artifact-deleter');
  await scenario.asOperator((admin) => admin.setOffsets({ groupId, topic, partitions }));
  scenario.run('artifact-deleter', briskly);
  scenario.run('expired-artifacts', { ...briskly, SWEEP_FULL_EVERY_MS: '1000' });
  await flows.done();
});

test('a topic is deleted and created anew while its group has no members: it begins at the start of the new one', async () => {
  const scenario = ground();
  const traces = await finishedTraces(scenario, [{ sizeBytes: 100 }, { sizeBytes: 200_000 }]);
  const archiver = scenario.run('trace-archiver', briskly);
  await announce(scenario, traces);
  await scenario.caughtUp('trace-archiver', topicNames.buildsFinished);
  await archiver.stop();
  const committed = async (): Promise<number[]> => {
    const [group, topic] = [
      scenario.named('trace-archiver'),
      scenario.named(topicNames.buildsFinished),
    ];
    return (await scenario.topics.committed(group, topic)).map(({ offset }) => offset);
  };
  expect(Math.max(...(await committed()))).toBeGreaterThan(0);
  await makeAnew(scenario, topicNames.buildsFinished, 12);
  // With the topic Kafka has removed its groups' committed offsets: no offset of the old log is left.
  expect(Math.max(...(await committed()))).toBe(-1);
  const more = await finishedTraces(scenario, [{ sizeBytes: 300 }]);
  await announce(scenario, more);
  scenario.run('trace-archiver', briskly);
  await scenario.caughtUp('trace-archiver', topicNames.buildsFinished);
  await expectArchived(scenario, [...traces, ...more]);
});

test("the groups' offsets are deleted: both begin again from the start, and change nothing twice", async () => {
  const scenario = forgotten();
  const flows = new BothFlows(scenario);
  const staying = await scenario.world.manyArtifacts({ count: 20, expireInMs: 3_600_000 });
  const before = flows.run();
  await flows.more();
  await flows.done();
  for (const process of before) expect((await process.stop()).code).toBe(0);
  await forgetOffsets(scenario, ['artifact-deleter', 'trace-archiver']);
  flows.run();
  await flows.more();
  await flows.done();
  await scenario.expectKept(staying);
});
