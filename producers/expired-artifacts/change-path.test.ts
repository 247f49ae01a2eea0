import { change, moment, SteppedClock } from '../../test/support/records/expired-artifacts';
import type { Step } from '../../lib/process/steps';
import { ChangePath, type ChangeRecord } from './change-path';
import type { ArtifactChange } from './change';
import { DatabaseHoldError } from '../../lib/brake/database-guard';
import type { ExpiredRecord } from './records';

const never = new AbortController().signal;

function setUp() {
  const clock = new SteppedClock();
  const world = {
    clock,
    snapshot: '100:100:',
    looks: 0,
    onLook: (): void => undefined,
    produced: [] as ExpiredRecord[],
    reached: [] as Step[],
    checked: [] as number[],
    aside: [] as string[],
    hold: undefined as Error | undefined,
  };
  const path = new ChangePath({
    database: {
      readCommitState: () => {
        world.looks += 1;
        world.onLook();
        const { snapshot } = world;
        return Promise.resolve({ database: moment, snapshot, nowUs: clock.ms * 1_000 });
      },
    },
    output: {
      produce: (records) => {
        world.produced.push(...records);
        return Promise.resolve();
      },
    },
    setAside: { add: (row) => void world.aside.push(row.id) },
    guard: {
      latest: undefined,
      noteSighting: () => undefined,
      timestampMs: () => clock.ms,
      requireSame: () => undefined,
      require: (_, met) => {
        if (world.hold) throw world.hold;
        if (met) world.checked.push(met.origin.lsn);
        return { accepted: false };
      },
    },
    reach: (step) => world.reached.push(step),
    clock,
    slackMs: 10_000,
  });
  return { path, world };
}

const record = (columns: Partial<ArtifactChange> | null, more: object = {}): ChangeRecord => ({
  topic: 'cdc',
  partition: 0,
  offset: 0,
  key: null,
  value: columns === null ? null : change(columns),
  headers: {},
  timestampMs: 1,
  sizeBytes: 1,
  attempt: 1,
  maybeRepeated: false,
  ...more,
});

const kinds = (outcomes: readonly { readonly kind: string }[]) => outcomes.map(({ kind }) => kind);
const ids = (records: readonly ExpiredRecord[]) =>
  records.flatMap(({ value }) => value.artifacts.map(({ id }) => id));

test('a micro-batch becomes one record a partition_id, with one question to the database', async () => {
  const { path, world } = setUp();
  const outcomes = await path.handle(
    [record({ id: 2 }), record({ id: 1 }), record({ id: 3, partitionId: 101 })],
    never,
  );
  expect(kinds(outcomes)).toEqual(['done', 'done', 'done']);
  expect(world.produced.map(({ key, value }) => [key, value.source])).toEqual([
    ['100:1', 'change'],
    ['101:3', 'change'],
  ]);
  expect(world.looks).toBe(1);
  expect(world.reached).toEqual(['change.decided', 'change.records-produced']);
});

test('a change that may have been followed before says so, since its row may rightly be gone', async () => {
  const { path, world } = setUp();
  await path.handle([record({}, { maybeRepeated: true })], never);
  expect(world.produced.map(({ value }) => value.source)).toEqual(['repair']);
});

test('what no sweep would take is skipped without asking the database', async () => {
  const { path, world } = setUp();
  const outcomes = await path.handle([record({ locked: 1 }), record(null)], never);
  expect(kinds(outcomes)).toEqual(['skip', 'skip']);
  expect(world.looks).toBe(0);
});

test('only the last change of an artifact counts', async () => {
  const { path, world } = setUp();
  await path.handle([record({ file: 'old' }), record({ file: 'new' })], never);
  expect(world.produced[0]?.value.artifacts.map(({ file }) => file)).toEqual(['new']);
  const relocked = await path.handle([record({}), record({ locked: 1 })], never);
  expect(kinds(relocked)).toEqual(['skip', 'skip']);
});

test('an expiry within the slack is waited for, and the others do not wait with it', async () => {
  const { path, world } = setUp();
  const dueAtUs = 12_000_000;
  const handled = path.handle(
    [record({ id: 1 }), record({ id: 2, expireAt: BigInt(dueAtUs), committedAtMs: 9_000 })],
    never,
  );
  expect(kinds(await handled)).toEqual(['done', 'done']);
  expect(ids(world.produced)).toEqual([1, 2]);
  expect(world.clock.ms * 1_000).toBeGreaterThan(dueAtUs);
  expect(world.clock.sleeps.length).toBeLessThan(5);
});

test('a transaction that is not visible yet is waited for', async () => {
  const { path, world } = setUp();
  world.snapshot = '40:60:50';
  world.onLook = () => {
    expect(world.produced).toEqual([]);
    if (world.looks === 4) world.snapshot = '60:60:';
  };
  expect(kinds(await path.handle([record({})], never))).toEqual(['done']);
  expect(world.looks).toBe(4);
});

test('an expiry near the moment at which a late commit is seen is ours: a sweep may have passed it', async () => {
  const { path, world } = setUp();
  // Committed at 5 s with slack until 15 s, so by the event alone the sweep produces an expiry at 15.5 s.
  const late = record({ expireAt: 15_500_000n });
  expect(kinds(await path.handle([late], never))).toEqual(['skip']);
  world.snapshot = '40:60:50';
  world.onLook = () => {
    if (world.clock.ms > 11_000) world.snapshot = '60:60:';
  };
  expect(kinds(await path.handle([late], never))).toEqual(['done']);
  expect(ids(world.produced)).toEqual([1]);
});

test('what stays invisible for too long goes back to the runtime, and counts as seen late', async () => {
  const { path, world } = setUp();
  world.snapshot = '40:60:50';
  expect(kinds(await path.handle([record({})], never))).toEqual(['retry']);
  world.snapshot = '60:60:';
  const again = record({ expireAt: BigInt(world.clock.ms * 1_000 - 1) }, { attempt: 2 });
  expect(kinds(await path.handle([again], never))).toEqual(['done']);
});

test('the database must have come as far as the newest change', async () => {
  const { path, world } = setUp();
  await path.handle([record({ id: 1, lsn: 7 }), record({ id: 2, lsn: 9 })], never);
  expect(world.checked).toEqual([9]);
  world.hold = new DatabaseHoldError('an older copy');
  await expect(path.handle([record({})], never)).rejects.toThrow('an older copy');
});

test('an assignment that is lost ends the wait', async () => {
  const { path, world } = setUp();
  world.snapshot = '40:60:50';
  const lost = new AbortController();
  world.onLook = () => {
    if (world.looks === 3) lost.abort(new Error('lost'));
  };
  await expect(path.handle([record({})], lost.signal)).rejects.toThrow('lost');
  expect(world.produced).toEqual([]);
});

test('a row that cannot be produced is set aside, alone; one that would not go is not named', async () => {
  const { path, world } = setUp();
  const odd = {
    table: 'p_ci_job_artifacts',
    id: '100:2',
    field: 'created_at',
    reason: 'x',
  } as const;
  const aside = (locked: number): ChangeRecord => ({
    ...record({}),
    value: { ...change({ locked }), odd },
  });
  const outcomes = await path.handle(
    [record({ id: 1 }), aside(0), aside(1)],
    new AbortController().signal,
  );
  expect(kinds(outcomes)).toEqual(['done', 'skip', 'skip']);
  expect(ids(world.produced)).toEqual([1]);
  expect(world.aside).toEqual(['100:2']);
});
