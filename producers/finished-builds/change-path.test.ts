import { DatabaseHoldError } from '../../lib/brake/database-guard';
import type { Step } from '../../lib/process/steps';
import {
  listeningLogger,
  moment,
  SteppedClock,
} from '../../test/support/records/expired-artifacts';
import { buildChange } from '../../test/support/records/finished-builds';
import type { BuildChange } from './change';
import { ChangePath, type ChangeRecord } from './change-path';
import { RecentBuilds } from './recent-builds';
import type { FinishedRecord } from './ports';

const never = new AbortController().signal;

function setUp(recentMax = 100) {
  const clock = new SteppedClock();
  const world = {
    clock,
    snapshot: '100:100:',
    looks: 0,
    onLook: (): void => undefined,
    produced: [] as FinishedRecord[],
    reached: [] as Step[],
    checked: [] as number[],
    aside: [] as string[],
    hold: undefined as Error | undefined,
    failure: undefined as Error | undefined,
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
    topic: {
      produce: (records) => {
        if (world.failure) return Promise.reject(world.failure);
        world.produced.push(...records);
        return Promise.resolve();
      },
    },
    recent: new RecentBuilds(recentMax),
    setAside: { add: (row) => void world.aside.push(row.id) },
    guard: {
      latest: undefined,
      noteSighting: () => undefined,
      timestampMs: () => clock.ms,
      require: (_, met) => {
        if (world.hold) throw world.hold;
        if (met) world.checked.push(met.origin.lsn);
        return { accepted: false };
      },
    },
    reach: (step) => world.reached.push(step),
    clock,
    logger: listeningLogger().logger,
  });
  return { path, world };
}

const record = (columns: Partial<BuildChange> | null): ChangeRecord => ({
  topic: 'cdc',
  partition: 0,
  offset: 0,
  key: null,
  value: columns === null ? null : buildChange(columns),
  headers: {},
  timestampMs: 1,
  sizeBytes: 1,
  attempt: 1,
  maybeRepeated: false,
});

const kinds = (outcomes: readonly { readonly kind: string }[]) => outcomes.map(({ kind }) => kind);
const keys = (records: readonly FinishedRecord[]) => records.map(({ key }) => key);

test('finished builds become a record each, with one question to the database', async () => {
  const { path, world } = setUp();
  const records = [record({ buildId: 1 }), record({ buildId: 2, partitionId: 101 })];
  expect(kinds(await path.handle(records, never))).toEqual(['done', 'done']);
  expect(keys(world.produced)).toEqual(['100:1', '101:2']);
  expect(world.produced[0]!.value).toMatchObject({ source: 'change', status: 'success' });
  expect(world.looks).toBe(1);
  expect(world.reached).toEqual(['finished.decided', 'finished.records-produced']);
});

test('what has not finished is skipped without asking the database', async () => {
  const { path, world } = setUp();
  const records = [record({ status: 'running' }), record(null), record({ isErased: true })];
  expect(kinds(await path.handle(records, never))).toEqual(['skip', 'skip', 'skip']);
  expect([world.looks, world.produced]).toEqual([0, []]);
});

test('repeats are dropped, within a micro-batch and after it', async () => {
  const { path, world } = setUp();
  const first = await path.handle([record({}), record({ lsn: 901 }), record({ lsn: 902 })], never);
  expect(kinds(first)).toEqual(['skip', 'skip', 'done']);
  expect(kinds(await path.handle([record({ lsn: 903 })], never))).toEqual(['skip']);
  expect(keys(world.produced)).toEqual(['100:1']);
});

test('a repeat that memory has no room for is produced again', async () => {
  const { path, world } = setUp(1);
  await path.handle([record({ buildId: 1 }), record({ buildId: 2 })], never);
  await path.handle([record({ buildId: 1 })], never);
  expect(keys(world.produced)).toEqual(['100:1', '100:2', '100:1']);
});

test('a build that is erased later in the same micro-batch is left', async () => {
  const { path, world } = setUp();
  await path.handle([record({}), record({ isErased: true })], never);
  expect(world.produced).toEqual([]);
});

test('what could not be produced is no repeat the next time', async () => {
  const { path, world } = setUp();
  world.failure = new Error('Kafka is away');
  await expect(path.handle([record({})], never)).rejects.toThrow('away');
  world.failure = undefined;
  expect(kinds(await path.handle([record({})], never))).toEqual(['done']);
});

test('a change is produced once its transaction can be seen, others at once', async () => {
  const { path, world } = setUp();
  world.snapshot = '60:70:60';
  world.onLook = () => {
    if (world.looks === 3) world.snapshot = '71:71:';
  };
  const records = [record({ buildId: 1, transactionId: 60 }), record({ buildId: 2 })];
  expect(kinds(await path.handle(records, never))).toEqual(['done', 'done']);
  expect(keys(world.produced)).toEqual(['100:2', '100:1']);
  expect(world.looks).toBe(3);
});

test('a change that stays invisible goes back before a drain would be late', async () => {
  const { path, world } = setUp();
  world.snapshot = '50:50:';
  const beganAtMs = world.clock.ms;
  expect(kinds(await path.handle([record({})], never))).toEqual(['retry']);
  expect(world.clock.ms - beganAtMs).toBeLessThan(8_000);
});

test('another database, or a change from another history, holds all of them', async () => {
  const { path, world } = setUp();
  await path.handle([record({ lsn: 950 }), record({ buildId: 2, lsn: 940 })], never);
  expect(world.checked).toEqual([950]);
  world.hold = new DatabaseHoldError('not the database it was');
  await expect(path.handle([record({ buildId: 3 })], never)).rejects.toThrow(DatabaseHoldError);
});
