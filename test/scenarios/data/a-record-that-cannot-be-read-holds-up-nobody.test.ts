import { randomBytes } from 'node:crypto';
import { ConfigResourceTypes } from 'kafkajs';
import { failureHeaders } from '../../../lib/runtime/failure-headers';
import { laneOf } from '../../../lib/runtime/lanes/lane';
import { failureTopics, topicNames } from '../../../lib/kafka/topics/topics';
import { unlockArtifacts } from '../../../ops/gitlab/changes';
import type { ArtifactEntry } from '../../../ops/gitlab/ledger';
import { operatorProduces, stepOver } from '../../support/scenario/operator-actions';
import { recordsOn } from '../../support/records/dead-letters';
import { ExpiredRecords } from '../../support/records/expired-records';
import type { RunningProcess } from '../../support/scenario/running-process';
import { useScenario } from '../../support/scenario/use-scenario';
import { until } from '../../support/until';
import { metricOf } from '../../support/scenario/health-pages';

const ground = useScenario(__filename, { changes: 'streamed' });

const secret = 'bytes-that-nobody-may-read-in-a-log';
const lanes = 8;
const stuckKey = '100:1';
const laneOfKey = (key: string) => laneOf(Buffer.from(key), 0, lanes);
const isStuck = (key: string) => laneOfKey(key) === laneOfKey(stuckKey);
const freeKeys = Array.from({ length: 99 }, (_, id) => `100:${id}`).filter((key) => !isStuck(key));
const freeKey = freeKeys[0]!;
const deadOfDeleter = failureTopics.deadLetters(topicNames.artifactsExpired, 'artifact-deleter');
const deadOfChanges = failureTopics.deadLetters(topicNames.artifactChanges, 'expired-artifacts');

function expectNoPayload(process: RunningProcess): void {
  const log = [...process.lines.map((line) => JSON.stringify(line)), ...process.noise].join('\n');
  for (const encoding of ['utf8', 'hex', 'base64'] as const) {
    expect(log).not.toContain(Buffer.from(secret).toString(encoding));
  }
}

/** Expired behind every watermark, and never locked: only its record names it. */
async function expired(records: ExpiredRecords): Promise<[ArtifactEntry, Buffer]> {
  const artifact = await ground().world.anArtifact();
  return [artifact, await records.encode(await records.of(artifact))];
}

test('poison of artifacts.expired becomes a dead letter, byte for byte, and what lies behind it goes on', async () => {
  const scenario = ground();
  const records = new ExpiredRecords(scenario);
  const known = await records.of(await scenario.world.anArtifact({ locked: 1 }));
  const poison: [string, Buffer | null][] = [
    ['wire-format', Buffer.from(secret)],
    ['no-value', null],
    ['not-a-value', await records.withId(known, 2n ** 60n)],
    ['impossible-id', await records.withId(known, -5n)],
    // As large as its topic allows: as a dead letter it has its headers in addition.
    ['wire-format', Buffer.concat([Buffer.from([1]), randomBytes(1_047_500)])],
  ];
  const good: ArtifactEntry[] = [];
  for (const [partition, [, value]] of poison.entries()) {
    const [[first, a], [second, b]] = [await expired(records), await expired(records)];
    const headers = { own: `of ${partition}` };
    await operatorProduces(scenario, topicNames.artifactsExpired, [
      { partition, key: stuckKey, value: a },
      { partition, key: stuckKey, value, headers },
      { partition, key: stuckKey, value: b },
    ]);
    good.push(first, second);
  }
  const deleter = scenario.run('artifact-deleter');
  await scenario.gone(good);
  await scenario.caughtUp('artifact-deleter', topicNames.artifactsExpired);

  const letters = await recordsOn(scenario, deadOfDeleter);
  expect(letters).toHaveLength(poison.length);
  for (const [partition, [reason, value]] of poison.entries()) {
    const letter = letters.find(({ headers }) => headers['own'] === `of ${partition}`);
    expect(letter).toMatchObject({
      partition: partition % 3,
      key: Buffer.from(stuckKey),
      headers: {
        [failureHeaders.originTopic]: scenario.named(topicNames.artifactsExpired),
        [failureHeaders.originPartition]: String(partition),
        [failureHeaders.originOffset]: '1',
        [failureHeaders.group]: scenario.named('artifact-deleter'),
        [failureHeaders.errorKind]: 'poison',
        [failureHeaders.poisonReason]: reason,
        'x-original-offset': '1',
      },
    });
    expect(letter?.value).toEqual(value);
  }
  expectNoPayload(deleter);
  await deleter.stop();
});

test('ten megabytes on a topic whose limit somebody has raised become a dead letter, too', async () => {
  const scenario = ground();
  const name = scenario.named(topicNames.artifactsExpired);
  const configEntries = [{ name: 'max.message.bytes', value: String(12 * 1024 * 1024) }];
  await scenario.asOperator((admin) =>
    admin.alterConfigs({
      validateOnly: false,
      resources: [{ type: ConfigResourceTypes.TOPIC, name, configEntries }],
    }),
  );
  const [behind, value] = await expired(new ExpiredRecords(scenario));
  const large = randomBytes(10_000_000);
  const before = (await recordsOn(scenario, deadOfDeleter)).length;
  await operatorProduces(scenario, topicNames.artifactsExpired, [
    { partition: 5, key: stuckKey, value: large },
    { partition: 5, key: stuckKey, value },
  ]);
  const deleter = scenario.run('artifact-deleter');
  await scenario.gone([behind]);
  await scenario.caughtUp('artifact-deleter', topicNames.artifactsExpired);
  const letters = await recordsOn(scenario, deadOfDeleter);
  expect(letters).toHaveLength(before + 1);
  expect(letters.some((letter) => letter.value?.equals(large))).toBe(true);
  await deleter.stop();
});

test("a schema id that the registry does not know is nobody's poison: its lane holds and says so", async () => {
  const scenario = ground();
  scenario.expectError(/lane holds/);
  const records = new ExpiredRecords(scenario);
  const unknown = Buffer.from(`0005f5e0ff${'00'.repeat(9)}`, 'hex');
  const [[behind, b], [beside, c]] = [await expired(records), await expired(records)];
  const partition = 7;
  await operatorProduces(scenario, topicNames.artifactsExpired, [
    { partition, key: stuckKey, value: unknown },
    { partition, key: stuckKey, value: b },
    { partition, key: freeKey, value: c },
  ]);
  const deleter = scenario.run('artifact-deleter', { HTTP_PORT: '0' });
  await scenario.gone([beside]);
  const line = await deleter.logged('lane.stuck');
  expect((line['err'] as Error).message).toMatch(/no usable schema with id 99999999/);
  // Records that arrive in its partition meanwhile are taken in, too.
  const later = await Promise.all(Array.from({ length: 50 }, () => expired(records)));
  await operatorProduces(
    scenario,
    topicNames.artifactsExpired,
    later.map(([, value], index) => ({ partition, key: freeKeys[index % 10]!, value })),
  );
  await scenario.gone(later.map(([artifact]) => artifact));
  const own = new RegExp(`topic="${scenario.named(topicNames.artifactsExpired)}",partition="7"`);
  // The record, and the one behind it in its lane.
  await until('the work left is two records', async () => {
    return (await metricOf(deleter, 'afterbuild_work_left_records', own)) === 2;
  });
  await deleter.stop();
  await scenario.expectKept([behind]);
  const topic = scenario.named(topicNames.artifactsExpired);
  const committed = await scenario.topics.committed(scenario.named('artifact-deleter'), topic);
  expect(committed.find((one) => one.partition === partition)?.offset).toBe(Number(line['offset']));

  const offset = Number(line['offset']);
  await stepOver(scenario, 'artifact-deleter', topicNames.artifactsExpired, [
    { partition, offset },
  ]);
  const again = scenario.run('artifact-deleter');
  await scenario.gone([behind]);
  await again.stop();
});

test('a change event that cannot be read becomes a dead letter, and the stream goes on', async () => {
  const scenario = ground();
  const { world, gitlab } = scenario;
  const wave = await world.manyArtifacts({ count: 200, locked: 1 });
  const swept = await world.anArtifact();
  scenario.run('artifact-deleter');
  const following = scenario.run('expired-artifacts', { SWEEP_FULL_EVERY_MS: '86400000' });
  await scenario.gone([swept]);
  await scenario.caughtUp('expired-artifacts', topicNames.artifactChanges);
  await operatorProduces(scenario, topicNames.artifactChanges, [
    { partition: 0, key: null, value: Buffer.from(secret) },
  ]);
  await unlockArtifacts(gitlab, wave);
  await scenario.gone(wave);
  await scenario.caughtUp('expired-artifacts', topicNames.artifactChanges);
  const letters = () => recordsOn(scenario, deadOfChanges);
  await until('the dead letter is there', async () => (await letters()).length === 1);
  expect((await letters())[0]).toMatchObject({
    value: Buffer.from(secret),
    headers: { [failureHeaders.poisonReason]: 'wire-format' },
  });
  expectNoPayload(following);
});
