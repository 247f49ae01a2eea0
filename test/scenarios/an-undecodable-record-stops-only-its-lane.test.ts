import { laneOf } from '../../lib/kafka/lane';
import { topicNames } from '../../lib/kafka/topics';
import { unlockArtifacts } from '../../ops/gitlab/changes';
import type { ArtifactEntry } from '../../ops/gitlab/ledger';
import { produceByHand, stepOver } from '../support/by-hand';
import { ExpiredRecords } from '../support/expired-records';
import type { RunningProcess } from '../support/running-process';
import { useScenario } from '../support/scenario';
import { until } from '../support/until';

const ground = useScenario(__filename, { changes: 'streamed' });

const secret = 'bytes-that-nobody-may-read-in-a-log';
const lanes = 8;
const stuckKey = '100:1';
const isStuck = (key: string) => laneOf(key, 0, lanes) === laneOf(stuckKey, 0, lanes);
const freeKey = ['100:2', '100:3', '100:4'].find((key) => !isStuck(key))!;

const reasons = (process: RunningProcess): string[] =>
  process.events('lane.halted').map(({ err }) => (err as { message: string }).message);

function expectNoPayload(process: RunningProcess): void {
  const log = [...process.lines.map((line) => JSON.stringify(line)), ...process.noise].join('\n');
  for (const encoding of ['utf8', 'hex', 'base64'] as const) {
    expect(log).not.toContain(Buffer.from(secret).toString(encoding));
  }
}

test('a record of artifacts.expired that cannot be decoded stops its lane, and nothing else', async () => {
  const scenario = ground();
  scenario.expectError(/lane halted/);
  const records = new ExpiredRecords(scenario);
  const topic = scenario.named(topicNames.artifactsExpired);
  const expired = async (): Promise<[ArtifactEntry, Buffer]> => {
    // Expiring behind every watermark, unlocked from birth: nobody but these records names it.
    const artifact = await scenario.world.anArtifact();
    return [artifact, await records.encode(await records.of(artifact))];
  };
  const known = await records.of(await scenario.world.anArtifact({ locked: 1 }));
  const bad: [RegExp, Buffer | null][] = [
    [/wire format/, Buffer.from(secret)],
    [/no usable schema with id 99999999/, Buffer.from(`0005f5e0ff${'00'.repeat(9)}`, 'hex')],
    [/has no value/, null],
    [/not a value of schema/, await records.withId(known, 2n ** 60n)],
    [/impossible id/, await records.withId(known, -5n)],
  ];
  const before: ArtifactEntry[] = [];
  const behind: ArtifactEntry[] = [];
  const beside: ArtifactEntry[] = [];
  for (const [partition, [, value]] of bad.entries()) {
    const place = { partition, key: stuckKey };
    const [[first, a], [second, b], [third, c]] = [
      await expired(),
      await expired(),
      await expired(),
    ];
    await produceByHand(scenario, topicNames.artifactsExpired, [
      { ...place, value: a },
      { ...place, value },
      { ...place, value: b },
      { ...place, key: freeKey, value: c },
    ]);
    before.push(first);
    behind.push(second);
    beside.push(third);
  }
  const [elsewhere, value] = await expired();
  await produceByHand(scenario, topicNames.artifactsExpired, [
    { partition: 11, key: stuckKey, value },
  ]);

  const deleter = scenario.run('artifact-deleter');
  await scenario.gone([...before, ...beside, elsewhere]);
  await until('five lanes are halted', () => reasons(deleter).length === 5);
  expect((await deleter.stop()).code).toBe(0);
  for (const [reason] of bad)
    expect(reasons(deleter).filter((text) => reason.test(text))).toHaveLength(1);
  expectNoPayload(deleter);
  await scenario.expectKept(behind);
  const committed = await scenario.topics.committed(scenario.named('artifact-deleter'), topic);
  for (const partition of bad.keys()) {
    expect(committed.find((one) => one.partition === partition)).toMatchObject({
      offset: 1,
      doneBeyond: 1,
    });
  }

  await stepOver(
    scenario,
    'artifact-deleter',
    topicNames.artifactsExpired,
    bad.map((_, partition) => ({ partition, offset: 1 })),
  );
  scenario.run('artifact-deleter');
  await scenario.gone(behind);
});

test('a change event that cannot be decoded stops its lane, and nothing else', async () => {
  const scenario = ground();
  const { world, gitlab } = scenario;
  scenario.expectError(/lane halted/);
  const topic = scenario.named(topicNames.artifactChanges);
  const wave = await world.manyArtifacts({ count: 200, locked: 1 });
  const swept = await world.anArtifact();
  const settings = { SWEEP_FULL_EVERY_MS: '86400000' };
  const following = scenario.run('expired-artifacts', settings);
  await scenario.gone([swept]);
  await scenario.caughtUp('expired-artifacts', topicNames.artifactChanges);

  await produceByHand(scenario, topicNames.artifactChanges, [
    { partition: 0, key: null, value: Buffer.from(secret) },
  ]);
  const { offset } = (await following.logged('lane.halted')) as unknown as { offset: number };
  await unlockArtifacts(gitlab, wave);
  const committed = async () => {
    const offsets = await scenario.topics.committed(scenario.named('expired-artifacts'), topic);
    return offsets.find(({ partition }) => partition === 0)!;
  };
  await until('the other partitions, and the other lanes of this one, go on', async () => {
    const lag = await scenario.topics.lag(scenario.named('expired-artifacts'), topic);
    const waits = lag.filter(({ records }) => records > 0).map(({ partition }) => partition);
    return waits.join() === '0' && (await committed()).doneBeyond > 0;
  });
  expect((await following.stop()).code).toBe(0);
  expect(reasons(following)).toEqual([expect.stringMatching(/wire format/)]);
  expectNoPayload(following);
  expect((await committed()).offset).toBe(offset);

  await stepOver(scenario, 'expired-artifacts', topicNames.artifactChanges, [
    { partition: 0, offset },
  ]);
  scenario.run('expired-artifacts', settings);
  await scenario.gone(wave);
  await scenario.caughtUp('expired-artifacts', topicNames.artifactChanges);
});
