import fc from 'fast-check';
import { minusInfinity } from '../../lib/stores/postgres/instant';
import type { Step } from '../../lib/process/steps';
import type { SweepProgress } from '../../schemas/generated';
import {
  asideRows,
  dueRow,
  listeningLogger,
  moment,
  origin,
  SteppedClock,
} from '../../test/support/records/expired-artifacts';
import { DatabaseGuard, type DatabaseMoment } from '../../lib/brake/database-guard';
import type { DueRead } from './page';
import type { DueRow } from './ports';
import { laterProgress } from './progress';
import type { ExpiredRecord } from './records';
import { ShardSweep } from './shard-sweep';
import { Troubles } from '../../lib/process/troubles';
import { createUntilDone } from '../../lib/service/until-done';

const shard = { name: 'public.a', partitionIds: [100] };

/** The state around one shard: its rows, and the produced and written records; it outlives any number of processes. */
class World {
  readonly clock = new SteppedClock();
  readonly produced: { readonly id: number; readonly source: string }[] = [];
  readonly progress = new Map<string, SweepProgress>();
  readonly reached: Step[] = [];
  readonly aside = asideRows();
  readonly said: unknown[] = [];
  database: DatabaseMoment = moment;
  reads = 0;
  readFailures = 0;
  /** The process dies when it reaches this step for the n-th time from now. */
  crash: { step: Step; times: number } | undefined;
  acceptedAtMs: number | undefined;
  /** There is no room for the next records, and this happens meanwhile. */
  whileItWaits: ((guard: DatabaseGuard) => void) | undefined;

  constructor(public rows: readonly DueRow[]) {}

  get ids(): number[] {
    return this.produced.map(({ id }) => id);
  }

  /** Runs one process until it is idle `idles` times, crashes, or ends. */
  async run(pageRows: number, idles = 1, settings: object = {}): Promise<void> {
    const life = new AbortController();
    const { logger, said } = listeningLogger();
    const guard = new DatabaseGuard(
      { systemIdentifier: '7', databaseName: 'gitlab' },
      this.clock,
      logger,
    );
    guard.decisionsRead();
    if (this.acceptedAtMs !== undefined) {
      const acceptedDatabase = { ...origin, timeline: this.database.timeline, lsn: 0 };
      const by = { author: 'a', reason: 'b', atMs: this.acceptedAtMs };
      guard.decide({ kind: 'accept-database', ...by, acceptedDatabase });
    }
    let left = idles;
    const clock = {
      nowMs: () => this.clock.nowMs(),
      every: () => () => undefined,
      sleep: (ms: number, signal?: AbortSignal) => {
        if (ms === 1_000 && (left -= 1) < 0) life.abort(new Error('idle'));
        return this.clock.sleep(ms, signal);
      },
    };
    const sweep = new ShardSweep(
      shard,
      { due: this.progress.get('due'), full: this.progress.get('full') },
      {
        database: {
          readPage: (_: unknown, read: DueRead) => this.#read(read),
          readCommitState: () => Promise.resolve({ database: this.database }),
        } as never,
        output: { produce: (records, _, { confirm }) => this.#produce(records, confirm, guard) },
        progress: {
          partitionOf: () => 0,
          write: (written) => {
            const before = this.progress.get(written.sweep);
            this.progress.set(written.sweep, laterProgress(before, written));
            return Promise.resolve();
          },
        },
        setAside: this.aside.setAside,
        guard,
        untilDone: createUntilDone({ clock, logger, random: () => 1, troubles: new Troubles() }),
        reach: (step) => this.#reach(step, life),
        clock,
        logger,
        settings: { pageRows, idleMs: 1_000, fullEveryMs: 60_000, ...settings },
      },
    );
    await expect(sweep.run(life.signal)).rejects.toThrow(/idle|crash/);
    this.said.push(...said.map(({ event }) => event));
  }

  #read(read: DueRead) {
    this.reads += 1;
    if (this.readFailures > 0) {
      this.readFailures -= 1;
      return Promise.reject(new Error('away'));
    }
    const found =
      read.kind === 'tie'
        ? this.rows
            .filter((row) => row.expireAt === read.expireAt && row.jobId > (read.jobId ?? -1n))
            .sort((a, b) => Number(a.jobId) - Number(b.jobId))
        : this.rows
            .filter((row) => read.expireAt === null || row.expireAt > read.expireAt)
            .filter((row) => row.expireAt <= (read.upTo ?? this.clock.ms * 1_000))
            .sort((a, b) => Number(a.expireAt - b.expireAt));
    return Promise.resolve({ rows: found.slice(0, read.rowsMax), database: this.database });
  }

  async #produce(
    records: readonly ExpiredRecord[],
    confirm: () => Promise<void>,
    guard: DatabaseGuard,
  ) {
    if (records.length > 0 && this.whileItWaits !== undefined) {
      this.whileItWaits(guard);
      this.whileItWaits = undefined;
      await confirm();
    }
    for (const { value } of records) {
      for (const { id } of value.artifacts) this.produced.push({ id, source: value.source });
    }
  }

  #reach(step: Step, life: AbortController): void {
    this.reached.push(step);
    if (this.crash?.step !== step || (this.crash.times -= 1) > 0) return;
    this.crash = undefined;
    life.abort(new Error('crash'));
    throw new Error('crash');
  }
}

const rowsOf = (expiries: readonly number[]): DueRow[] =>
  expiries.map((at, index) => dueRow({ id: index + 1, jobId: index + 1, expireAt: BigInt(at) }));
const sorted = (ids: readonly number[]) => [...ids].sort((a, b) => a - b);

test('the records of a page are acknowledged before its watermark is written', async () => {
  const world = new World(rowsOf([1, 2]));
  await world.run(10);
  expect(world.ids).toEqual([1, 2]);
  expect(world.reached).toEqual([
    'sweep.page-read',
    'sweep.records-produced',
    'sweep.watermark-produced',
  ]);
  expect(world.progress.get('due')).toMatchObject({ expireAt: '2', ...origin });
});

test('a process killed at any step, any number of times, leaves no row out', async () => {
  const steps: Step[] = ['sweep.page-read', 'sweep.records-produced', 'sweep.watermark-produced'];
  const crashes = fc.array(
    fc.record({ step: fc.constantFrom(...steps), times: fc.integer({ min: 1, max: 3 }) }),
    { maxLength: 4 },
  );
  const expiries = fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(
      expiries,
      crashes,
      fc.integer({ min: 1, max: 5 }),
      async (at, deaths, page) => {
        const world = new World(rowsOf(at));
        for (const crash of deaths) {
          world.crash = { ...crash };
          await world.run(page);
        }
        world.crash = undefined;
        await world.run(page);
        expect(sorted([...new Set(world.ids)])).toEqual(world.rows.map(({ id }) => id));
      },
    ),
    { numRuns: 60 },
  );
});

test('an outage of the database is waited out and said twice', async () => {
  const world = new World(rowsOf([1]));
  world.readFailures = 3;
  await world.run(10);
  expect(world.ids).toEqual([1]);
  expect(world.said).toEqual(['dependency.failed', 'dependency.back', 'page.produced']);
});

test('a row that becomes due later is produced later, and nothing again', async () => {
  const world = new World(rowsOf([1, 12_000_000]));
  await world.run(10, 5);
  expect(world.ids).toEqual([1, 2]);
});

test('a row that commits behind the watermark is not the due sweep’s, but the full sweep’s', async () => {
  const world = new World(rowsOf([5]));
  await world.run(10);
  world.rows = [...world.rows, dueRow({ id: 9, expireAt: 3n })];
  await world.run(10, 3);
  expect(world.ids).toEqual([1]);
  world.clock.ms += 60_000;
  await world.run(10, 3);
  expect(world.produced.slice(1)).toEqual([
    { id: 1, source: 'repair' },
    { id: 9, source: 'repair' },
  ]);
  expect(world.progress.get('full')).toMatchObject({ epoch: 1, complete: true });
});

test('a full sweep that was cut short goes on where it stood', async () => {
  const world = new World(rowsOf([1, 2, 3, 4]));
  await world.run(10);
  world.clock.ms += 60_000;
  world.crash = { step: 'sweep.watermark-produced', times: 1 };
  await world.run(2, 9);
  expect(world.progress.get('full')).toMatchObject({ epoch: 1, expireAt: '2', complete: false });
  await world.run(2, 9);
  expect(world.produced.filter(({ source }) => source === 'repair').map(({ id }) => id)).toEqual([
    1, 2, 3, 4,
  ]);
});

test('a restored backup is not swept until it is accepted, and then from the beginning', async () => {
  const world = new World(rowsOf([5]));
  await world.run(10);
  world.database = { ...moment, timeline: 2 };
  world.rows = [...world.rows, dueRow({ id: 9, expireAt: 3n })];
  const before = world.progress.get('due');
  const rarely = { fullEveryMs: 1e12 };
  const held = world.run(10, 0, rarely);
  // It never becomes idle: only the retries of the held read let time pass.
  await new Promise((resolve) => setImmediate(resolve));
  expect(world.ids).toEqual([1]);
  expect(world.progress.get('due')).toBe(before);
  world.database = moment;
  await held;
  world.database = { ...moment, timeline: 2 };
  world.acceptedAtMs = world.clock.nowMs();
  await world.run(10, 3, rarely);
  expect(sorted(world.ids.slice(1))).toEqual([1, 9]);
  expect(world.progress.get('due')).toMatchObject({ timeline: 2, expireAt: '5' });
  expect(world.said.filter((event) => event === 'full.begun')).toHaveLength(1);
});

test('what is not in object storage, or cannot be produced, is passed, and costs its neighbours nothing', async () => {
  const [first, local, odd, last] = rowsOf([1, 2, 3, 4]);
  const aside = { ...odd!, createdAt: minusInfinity };
  const world = new World([first!, { ...local!, fileStore: 1 }, aside, last!]);
  await world.run(2, 3);
  expect(world.ids).toEqual([1, 4]);
  expect(world.progress.get('due')).toMatchObject({ expireAt: '4' });
  expect(world.aside.rows).toMatchObject([{ id: '100:3', field: 'created_at' }]);
});

test('rows of -infinity go first, and the watermark passes them', async () => {
  const [first, second] = rowsOf([1, 2]);
  const world = new World([{ ...first!, expireAt: minusInfinity }, second!]);
  await world.run(10);
  expect(world.ids).toEqual([1, 2]);
});

test('a page that waited for room while an older copy was put in place and accepted is read again, not written', async () => {
  const world = new World([dueRow({ id: 1 }), dueRow({ id: 2 })]);
  world.whileItWaits = (guard) => {
    world.rows = [dueRow({ id: 1 })];
    world.database = { ...moment, lsn: 400 };
    world.clock.ms += 5_000;
    const by = { author: 'a', reason: 'b', atMs: world.clock.ms };
    guard.decide({ kind: 'accept-database', ...by, acceptedDatabase: { ...origin, lsn: 400 } });
  };
  await world.run(10);
  expect(world.ids.filter((id) => id === 2)).toEqual([]);
  expect(world.ids).toContain(1);
  expect(world.progress.get('due')?.lsn).toBe(400);
  expect(world.said).toContain('page.outdated');
  expect(world.said).not.toContain('database.held');
});
