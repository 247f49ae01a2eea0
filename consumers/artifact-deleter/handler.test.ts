import { artifactObjectKey } from '../../lib/gitlab/object-key';
import type { Step } from '../../lib/process/steps';
import { PostgresError } from '../../lib/stores/postgres/errors';
import {
  artifact,
  deleter,
  deleterSteps,
  finalPath,
  legacy,
  record,
  stored,
} from '../../test/support/memory/artifact-deletion';
import {
  type MemoryArtifactRows,
  type MemoryRow,
  rowsWithoutObject,
} from '../../test/support/memory/memory-artifacts';
import { WaitError } from '../../lib/runtime/record-errors';

const kinds = (outcomes: readonly { kind: string }[]) => outcomes.map(({ kind }) => kind);
const artifacts = [artifact(1), artifact(2), artifact(3, { fileFinalPath: finalPath(3) })];

test('what may go is gone, row and object, and says so once', async () => {
  const stores = stored(artifacts);
  const { handle, lines } = deleter(stores);
  expect(kinds(await handle(record(artifacts)))).toEqual(['done']);
  expect([stores.rows.rows.size, stores.objects.keys.size]).toEqual([0, 0]);
  expect(lines).toMatchObject([
    { event: 'artifacts.deleted', records: 1, asked: 3, deleted: 3, alreadyGone: 0, objects: 3 },
  ]);
});

test.each<[string, Partial<MemoryRow>]>([
  ['locked', { locked: 1 }],
  ['of unknown lock', { locked: 2 }],
  ['extended', { expireAtMs: 5_000 }],
  ['never expiring', { expireAtMs: null }],
  ['a trace', { fileType: 3 }],
  ['stored locally', { fileStore: 1 }],
  ['moved to another partition', { partitionId: 101 }],
  ['of another file', { file: 'other.zip' }],
])('a row that is %s keeps itself and its object', async (_, change) => {
  const stores = stored([artifact(1)], change);
  const { handle } = deleter(stores);
  expect(await handle(record([artifact(1)]))).toEqual([{ kind: 'skip', reason: 'no longer due' }]);
  expect([stores.rows.rows.size, stores.objects.keys.size]).toEqual([1, 1]);
});

test.each(deleterSteps)('after a crash at %s a redelivery finishes the work', async (step) => {
  const stores = stored(artifacts);
  const crash = (reached: Step) => {
    if (reached === step) throw new Error('killed');
  };
  await expect(deleter(stores, { reach: crash }).handle(record(artifacts))).rejects.toThrow();
  expect(rowsWithoutObject(stores.rows, stores.objects)).toEqual([]);
  expect(kinds(await deleter(stores).handle(record(artifacts)))).toEqual(['done']);
  expect([stores.rows.rows.size, stores.objects.keys.size]).toEqual([0, 0]);
});

test('the steps are reached in their numbered order', async () => {
  const reached: Step[] = [];
  const { handle } = deleter(stored(artifacts), { reach: (step) => reached.push(step) });
  await handle(record(artifacts));
  expect(reached).toEqual(deleterSteps);
});

test('a legacy object that another artifact of the job claims stays', async () => {
  const stores = stored([legacy(1, 50)]);
  stores.rows.rows.set(2, {
    ...legacy(2, 50),
    partitionId: 101,
    locked: 1,
    expireAtMs: null,
  });
  const outcomes = await deleter(stores).handle(record([legacy(1, 50)]));
  // S3 was not asked: that proves nothing about it.
  expect(outcomes).toEqual([{ kind: 'done', provesNothing: true }]);
  expect([...stores.rows.rows.keys()]).toEqual([2]);
  expect(rowsWithoutObject(stores.rows, stores.objects)).toEqual([]);
});

test('a final path of an absent row stays when another row has it', async () => {
  const shared = artifact(1, { fileFinalPath: finalPath(9) });
  const stores = stored([artifact(2, { fileFinalPath: finalPath(9) })]);
  await deleter(stores).handle(record([shared]));
  expect(rowsWithoutObject(stores.rows, stores.objects)).toEqual([]);
});

test.each([{ file: '../../secret' }, { fileFinalPath: 'backups/db.tar' }])(
  'a row with the unusable key %j is left and reported',
  async (other) => {
    const odd = artifact(1, other);
    const stores = stored([]);
    stores.rows.rows.set(1, { ...odd, partitionId: 100, locked: 0, expireAtMs: 1 });
    const { handle, aside, lines } = deleter(stores);
    expect(await handle(record([odd]))).toEqual([{ kind: 'skip', reason: 'unusable object key' }]);
    expect(stores.rows.rows.size).toBe(1);
    expect(lines.at(-1)).toMatchObject({ event: 'artifacts.unusable-key', ids: [1] });
    expect(aside).toEqual(['100:1 object_key']);
  },
);

test('keys that S3 refuses keep their record, with the code and the count', async () => {
  const stores = stored(artifacts);
  stores.objects.refused.set(artifactObjectKey(artifacts[0]!)!, 'AccessDenied');
  const { handle } = deleter(stores);
  const [first, second] = await handle(record(artifacts), record([artifact(9)]));
  expect(first).toMatchObject({
    kind: 'retry',
    rest: { partitionId: 100, artifacts: [{ id: artifacts[0]!.id }] },
    error: {
      code: 'AccessDenied',
      message: expect.stringMatching(/AccessDenied for 1\b/) as string,
    },
  });
  expect(second?.kind).toBe('done');
  stores.objects.refused.clear();
  expect(kinds(await handle(record(artifacts, { attempt: 2 })))).toEqual(['done']);
  expect(stores.objects.keys.size).toBe(0);
});

test('keys that S3 has trouble with are waited for, but not for ever', async () => {
  const stores = stored(artifacts);
  stores.objects.refused.set(artifactObjectKey(artifacts[0]!)!, 'InternalError');
  const [outcome] = await deleter(stores).handle(record(artifacts));
  expect(outcome).toMatchObject({
    kind: 'retry',
    rest: {},
    error: { patienceMs: 600_000 },
  });
  expect(outcome).toHaveProperty('error', expect.any(WaitError));
});

test('a try that finishes nothing adds no line of its own, and what it finishes in the end has one', async () => {
  const one = artifact(1);
  const stores = stored([one]);
  stores.objects.refused.set(artifactObjectKey(one)!, 'AccessDenied');
  const { handle, lines } = deleter(stores);
  for (const attempt of [1, 2, 3]) {
    expect(kinds(await handle(record([one], { attempt })))).toEqual(['retry']);
  }
  expect(lines).toEqual([]);
  stores.objects.refused.clear();
  expect(kinds(await handle(record([one], { attempt: 4 })))).toEqual(['done']);
  expect(lines).toMatchObject([
    { event: 'artifacts.deleted', asked: 1, alreadyGone: 1, objects: 1 },
  ]);
});

test('a statement that met another one is done again', async () => {
  const stores = stored(artifacts);
  const { rows } = stores;
  let failures = 3;
  const moving = Object.assign(Object.create(rows) as MemoryArtifactRows, {
    deleteDue: (...asked: Parameters<typeof rows.deleteDue>) => {
      failures -= 1;
      if (failures < 0) return rows.deleteDue(...asked);
      return Promise.reject(new PostgresError('moved', 'repeat', '40001', undefined));
    },
    findExisting: rows.findExisting.bind(rows),
  });
  expect(kinds(await deleter(stores, { rows: moving }).handle(record(artifacts)))).toEqual([
    'done',
  ]);
  expect(rows.rows.size).toBe(0);
});

test('a record that is held keeps everything, and the others go on', async () => {
  const stores = stored(artifacts);
  const held = deleter(stores);
  held.state.verdict = { kind: 'hold', reason: 'an older copy', sticky: true };
  expect(kinds(await held.handle(record(artifacts)))).toEqual(['retry']);
  held.state.verdict = { kind: 'same-history' };
  held.state.held = 'held';
  await expect(held.handle(record(artifacts))).rejects.toThrow('held');
  expect([stores.rows.rows.size, stores.objects.keys.size]).toEqual([3, 3]);
});

test('in an accepted database due rows go, and what is absent keeps its object', async () => {
  const stores = stored(artifacts);
  stores.rows.rows.delete(1);
  const accepted = deleter(stores);
  accepted.state.verdict = { kind: 'older-history' };
  expect(kinds(await accepted.handle(record(artifacts)))).toEqual(['done']);
  expect([...stores.objects.keys]).toEqual([artifactObjectKey(artifact(1))]);
  expect(await accepted.handle(record([artifact(1)]))).toMatchObject([{ kind: 'skip' }]);
  expect(stores.objects.keys.size).toBe(1);
});

test('a dry run reports and changes nothing', async () => {
  const stores = stored(artifacts);
  const { handle, lines } = deleter(stores, { dryRun: true });
  expect(await handle(record(artifacts))).toEqual([{ kind: 'skip', reason: 'dry run' }]);
  expect([stores.rows.rows.size, stores.objects.keys.size]).toEqual([3, 3]);
  expect(lines).toMatchObject([{ event: 'artifacts.would-delete', asked: 3, due: 3 }]);
});

test('under the flag dry-run each record is reported once, and waits until the flag is gone', async () => {
  const stores = stored(artifacts);
  let isDry = true;
  const { handle, lines } = deleter(stores, { holdsDry: () => isDry });
  const held = [
    expect.objectContaining({ kind: 'retry', error: expect.any(WaitError) as unknown }),
  ];
  expect(await handle(record(artifacts))).toEqual(held);
  expect(await handle(record(artifacts))).toEqual(held);
  expect([stores.rows.rows.size, stores.objects.keys.size]).toEqual([3, 3]);
  expect(lines).toMatchObject([{ event: 'artifacts.would-delete', asked: 3, due: 3 }]);
  isDry = false;
  expect(await handle(record(artifacts))).toEqual([{ kind: 'done' }]);
  expect([stores.rows.rows.size, stores.objects.keys.size]).toEqual([0, 0]);
});

test('a batch that may not delete yet waits for its share, and gives back what it did not use', async () => {
  const calls: string[] = [];
  const waits = [40, 40, 0];
  const allowance = {
    take: (count: number) => {
      calls.push(`take ${count}`);
      return waits.shift() ?? 0;
    },
    giveBack: (count: number) => void calls.push(`give back ${count}`),
  };
  const stores = stored(artifacts);
  stores.rows.rows.delete(1);
  await deleter(stores, { allowance }).handle(record(artifacts));
  expect(calls).toEqual(['take 3', 'take 3', 'take 3', 'give back 1']);
});
