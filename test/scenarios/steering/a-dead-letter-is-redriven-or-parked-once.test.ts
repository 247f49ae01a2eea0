import { headerText } from '../../../lib/kafka/header-text';
import { topicNames } from '../../../lib/kafka/topics/topics';
import type { ArtifactEntry } from '../../../ops/gitlab/ledger';
import { deadLetterByHand, dlq, recordsOf } from '../../support/scenario/dlq-command';
import { ExpiredRecords } from '../../support/records/expired-records';
import { useScenario } from '../../support/scenario/use-scenario';

const ground = useScenario(__filename, { changes: 'none' });

const place = { topic: topicNames.artifactsExpired, group: 'artifact-deleter' };
const deadLetters = `${place.topic}.${place.group}.dlq`;
const parkedTopic = `${place.topic}.${place.group}.parked`;
const secret = 'bytes-that-nobody-may-read-unasked';
const ours = ['--group', place.group, '--json'] as const;

test('dead letters are listed, shown, redriven behind a canary, refused in a loop, and parked', async () => {
  const scenario = ground();
  const records = new ExpiredRecords(scenario);
  const artifacts: ArtifactEntry[] = [];
  const values: Buffer[] = [];
  for (let count = 0; count < 4; count += 1) {
    const artifact = await scenario.world.anArtifact();
    artifacts.push(artifact);
    values.push(await records.encode(await records.of(artifact)));
  }
  const headers = {
    traceparent: '00-abc-def-01',
    'x-login-token': secret,
    raw: Buffer.from([0, 255]),
  };
  for (const [index, value] of values.entries()) {
    const looping = index === 3 ? { 'afterbuild-redrive-count': '3' } : {};
    const record = { key: `100:${index}`, value, headers: { ...headers, ...looping } };
    await deadLetterByHand(scenario, place, record, { partition: 3 * index, attempts: 5 });
  }
  const poison = { key: Buffer.from([200, 1]), value: Buffer.from(secret) };
  const failure = {
    partition: 4,
    poison: 'wire-format',
    error: new RangeError('no bytes'),
  } as const;
  await deadLetterByHand(scenario, place, poison, failure);

  // The dead letters at the beginning.
  const listed = await dlq(scenario, 'list', ...ours);
  expect(listed).toMatchObject({ code: 0, json: [{ waiting: 5, redriven: 0, parked: 0 }] });
  expect(listed.json).toMatchObject([
    {
      causes: [
        { errorKind: 'transient', errorClass: 'Error', count: 4 },
        { reason: 'wire-format' },
      ],
    },
  ]);
  const shown = await dlq(scenario, 'show', ...ours, '--key', '100:0');
  const [artifact] = artifacts;
  expect(shown.json).toMatchObject([
    {
      origin: { topic: scenario.named(place.topic), partition: 0 },
      attempts: 5,
      headers: { traceparent: '00-abc-def-01', 'x-login-token': '[redacted]' },
      decoded: { artifacts: [{ id: artifact!.id }] },
    },
  ]);
  const undecoded = await dlq(scenario, 'show', '--reason', 'wire-format');
  expect(undecoded.printed).toMatch(/34 bytes, not decoded: .*wire format/);
  const asked = await dlq(scenario, 'show', '--reason', 'wire-format', '--bytes');
  expect(asked.printed).toContain(Buffer.from(secret).toString('hex'));
  for (const { printed, said } of [listed, shown, undecoded]) {
    expect(printed + said).not.toContain(secret);
  }

  // A plan writes nothing; after a canary that is not handled nothing follows.
  const good = [...ours, '--error-class', 'Error'] as const;
  const plan = await dlq(scenario, 'redrive', ...good);
  expect(plan).toMatchObject({ code: 0, json: { applied: false, topics: [{ planned: 3 }] } });
  expect(await recordsOf(scenario, place.topic)).toHaveLength(0);
  const alone = await dlq(
    scenario,
    'redrive',
    ...good,
    '--yes',
    '--canary',
    '--canary-seconds',
    '2',
  );
  expect(alone).toMatchObject({
    code: 1,
    json: { topics: [{ planned: 3, redriven: 1, canary: 'not-reached', refused: [{}] }] },
  });
  await scenario.expectKept(artifacts);

  // With the group at work the rest follows its canary, byte for byte.
  scenario.run('artifact-deleter');
  await scenario.gone(artifacts.slice(0, 1));
  const redriven = await dlq(
    scenario,
    'redrive',
    ...good,
    '--yes',
    '--canary',
    '--why',
    'repaired',
  );
  expect(redriven.json).toMatchObject({
    topics: [{ planned: 2, redriven: 2, canary: 'handled', returned: 0 }],
  });
  await scenario.gone(artifacts.slice(0, 3));
  const back = await recordsOf(scenario, place.topic);
  expect(back.map(({ partition }) => partition)).toEqual([0, 3, 6]);
  expect(back.map(({ key }) => key?.toString())).toEqual(['100:0', '100:1', '100:2']);
  expect(back.map(({ value }) => value)).toEqual(values.slice(0, 3));
  for (const record of back) {
    expect(Object.keys(record.headers).sort()).toEqual([
      ...[
        'afterbuild-redrive-count',
        'afterbuild-redrive-id',
        'afterbuild-redrive-timestamp',
        'raw',
        'traceparent',
        'x-login-token',
      ],
    ]);
    expect(record.headers['raw']).toEqual(headers.raw);
    expect(headerText(record.headers, 'afterbuild-redrive-count')).toBe('1');
  }

  // A redriven letter is not offered again; a looping one is, with --force only.
  const looping = await dlq(scenario, 'redrive', ...good, '--yes');
  expect(looping).toMatchObject({ code: 1, json: { topics: [{ planned: 0, refused: [{}] }] } });
  const forced = await dlq(scenario, 'redrive', ...good, '--yes', '--force');
  expect(forced).toMatchObject({ code: 0, json: { topics: [{ planned: 1, redriven: 1 }] } });
  await scenario.gone(artifacts);

  // A letter that cannot be saved is parked, with operator and reason.
  const because = ['--reason', 'wire-format', '--why', 'not ours', '--author', 'mona'] as const;
  expect(await dlq(scenario, 'park', ...because)).toMatchObject({ code: 0 });
  expect(await recordsOf(scenario, parkedTopic)).toHaveLength(0);
  expect(await dlq(scenario, 'park', ...because, '--yes')).toMatchObject({ code: 0 });
  expect(await dlq(scenario, 'park', ...because, '--yes')).toMatchObject({ code: 0 });
  const [parked, ...more] = await recordsOf(scenario, parkedTopic);
  expect(more).toEqual([]);
  expect(parked).toMatchObject({ partition: 1, key: poison.key, value: poison.value });
  expect(headerText(parked!.headers, 'afterbuild-parked-by')).toBe('mona');
  expect(headerText(parked!.headers, 'afterbuild-parked-why')).toBe('not ours');
  expect(headerText(parked!.headers, 'afterbuild-poison-reason')).toBe('wire-format');
  const end = await dlq(scenario, 'list', ...ours);
  expect(end.json).toMatchObject([{ waiting: 0, redriven: 4, parked: 1, causes: [] }]);
  expect(await recordsOf(scenario, deadLetters)).toHaveLength(5 + 4 + 1);
});
