import { DatabaseGuard } from '../../lib/brake/database-guard';
import type { Step } from '../../lib/process/steps';
import { Troubles } from '../../lib/process/troubles';
import { createUntilDone } from '../../lib/service/until-done';
import type { StaleProgress } from '../../schemas/generated';
import {
  listeningLogger,
  moment,
  SteppedClock,
} from '../../test/support/records/expired-artifacts';
import { pageOf, type KnownBuild } from '../../test/support/records/finished-builds';
import type { FinishedRecord } from './ports';
import { RecentBuilds } from './recent-builds';
import { StaleSweep } from './stale-sweep';

const known = (partitionId: number, ...ids: number[]): KnownBuild[] =>
  ids.map((buildId) => ({ partitionId, buildId, isDue: true }));

class World {
  builds: KnownBuild[] = [];
  database = moment;
  readonly clock = new SteppedClock();
  readonly produced: FinishedRecord[] = [];
  readonly written: StaleProgress[] = [];
  readonly effects: string[] = [];
  readonly passesAwaited: number[] = [];
  readonly agesMs: number[] = [];
  readonly recent = new RecentBuilds(100);
  /** Requests a repair when so many cursors have been written. */
  repairAfter: number | undefined;
  readonly guard: DatabaseGuard;
  /** So many attempts to produce fail first. */
  failures = 0;
  private readonly log = listeningLogger();

  constructor() {
    const expected = { systemIdentifier: '7', databaseName: 'gitlab' };
    this.guard = new DatabaseGuard(expected, this.clock, this.log.logger);
    this.guard.decisionsRead();
  }

  /** Runs until so many cursors have been written. */
  async run(cursors: number, from?: StaleProgress): Promise<void> {
    const abort = new AbortController();
    const goal = this.written.length + cursors;
    const sweep = new StaleSweep(0, from, {
      database: {
        readPage: (read) => {
          this.agesMs.push(read.ageMs);
          return Promise.resolve(pageOf(this.builds, read, this.database));
        },
      },
      topic: { produce: (records) => this.produce(records) },
      cursors: {
        write: (progress) => {
          this.effects.push('cursor');
          this.written.push(progress);
          if (this.written.length === this.repairAfter) sweep.requestRepair('a gap');
          if (this.written.length >= goal) abort.abort(new Error('enough'));
          return Promise.resolve();
        },
      },
      archiver: {
        ends: () => Promise.resolve(new Map([[0, this.produced.length]])),
        room: () => {
          this.effects.push('room');
          return Promise.resolve();
        },
        caughtUp: (ends) => {
          this.passesAwaited.push(ends.get(0) ?? -1);
          return Promise.resolve();
        },
      },
      setAside: { add: () => undefined },
      guard: this.guard,
      untilDone: createUntilDone({
        ...{ clock: this.clock, logger: this.log.logger, random: () => 1 },
        troubles: new Troubles(),
      }),
      recent: this.recent,
      reach: (step: Step) => this.effects.push(step),
      clock: this.clock,
      logger: this.log.logger,
      settings: { slices: 1, pageBuilds: 2, pauseMs: 5, everyMs: 60_000, ageMs: 5_000 },
    });
    await expect(sweep.run(abort.signal)).rejects.toThrow('enough');
  }

  get found(): number[] {
    return this.produced.map(({ value }) => value.buildId);
  }

  private produce(records: readonly FinishedRecord[]): Promise<void> {
    if (this.failures > 0) {
      this.failures -= 1;
      return Promise.reject(new Error('Kafka is away'));
    }
    this.effects.push('records');
    this.produced.push(...records);
    return Promise.resolve();
  }
}

let world: World;
beforeEach(() => {
  world = new World();
  world.builds = [...known(100, 1, 2, 3), ...known(102, 4)];
});

test('a pass finds the due builds of every partition_id and says when it is complete', async () => {
  world.builds.push({ partitionId: 101, buildId: 9, isDue: false });
  await world.run(5);
  expect(world.found).toEqual([1, 2, 3, 4]);
  expect(world.produced[0]!.value).toMatchObject({ source: 'stale', partitionId: 100 });
  expect(world.written.at(-1)).toMatchObject({ slice: 0, pass: 1, complete: true });
  expect(world.written.slice(0, -1).every(({ complete }) => !complete)).toBe(true);
});

test('a page is produced before its cursor, and only where the archiver leaves room', async () => {
  world.builds = known(100, 1);
  await world.run(2);
  expect(world.effects.slice(-6)).toEqual([
    'room',
    'stale.page-read',
    'records',
    'stale.records-produced',
    'cursor',
    'stale.cursor-produced',
  ]);
});

test('a stop and a start go on from the cursor', async () => {
  await world.run(2);
  expect(world.found).toEqual([1, 2]);
  await world.run(2, world.written.at(-1));
  expect(world.found).toEqual([1, 2, 3, 4]);
  expect(world.written.at(-1)).toMatchObject({ pass: 1, complete: true });
});

test('the next pass begins in time, and not before the last one is archived', async () => {
  world.builds = known(100, 1);
  await world.run(4);
  const { begunAtMs } = world.written[0]!;
  expect(world.written.at(-1)).toMatchObject({ pass: 2, begunAtMs: begunAtMs + 60_000 });
  expect(world.found).toEqual([1, 1]);
  expect(world.passesAwaited).toEqual([1]);
});

test('after a start between two passes everything that is on the topic must be archived first', async () => {
  world.builds = known(100, 1);
  await world.run(2);
  expect(world.passesAwaited).toEqual([]);
  world.builds = [];
  await world.run(1, world.written.at(-1));
  expect(world.passesAwaited).toEqual([1]);
});

test('an outage while producing costs delay and no build', async () => {
  world.failures = 3;
  await world.run(4);
  expect(world.found).toEqual([1, 2, 3, 4]);
});

test('another database than the cursor’s is not swept; an accepted older copy from the beginning', async () => {
  await world.run(2);
  world.database = { ...moment, lsn: moment.lsn - 500 };
  const { systemIdentifier, databaseName, timeline, lsn } = world.database;
  const acceptance = {
    ...{ kind: 'accept-database', author: 'a', reason: 'b' },
    atMs: world.clock.nowMs() + 1_000,
    acceptedDatabase: { systemIdentifier, databaseName, timeline, lsn },
  };
  const pauses = world.clock.sleeps.length;
  const accepted = world.clock.sleep.bind(world.clock);
  // While it is held it reads again and again; after the third time an operator accepts.
  world.clock.sleep = (ms, signal) => {
    if (world.clock.sleeps.length === pauses + 3) world.guard.decide(acceptance);
    return accepted(ms, signal);
  };
  await world.run(5, world.written.at(-1));
  expect(world.found).toEqual([1, 2, 3, 1, 2, 3, 4]);
  expect(world.written.at(-1)).toMatchObject({ pass: 2, complete: true });
});

test('a repair begins at once, from the beginning, and takes builds of any age; the next pass does not', async () => {
  world.repairAfter = 2;
  await world.run(7);
  expect(world.found).toEqual([1, 2, 1, 2, 3, 4]);
  expect(world.agesMs).toEqual([5_000, 5_000, 0, 0, 0, 0, 5_000]);
  expect(world.written.map(({ pass }) => pass)).toEqual([1, 1, 2, 2, 2, 2, 3]);
});

test('a repair ends the wait for the next pass', async () => {
  world.builds = known(100, 1);
  world.repairAfter = 2;
  await world.run(4);
  expect(world.agesMs).toEqual([5_000, 5_000, 0, 0]);
  expect(world.clock.sleeps.every((ms) => ms <= 5)).toBe(true);
});

test('a repair leaves out what changes have announced of late, and tells them what it announces', async () => {
  world.recent.add('100:2');
  world.builds = known(100, 1, 2);
  world.repairAfter = 1;
  await world.run(3);
  expect(world.found).toEqual([1]);
  expect(world.recent.has('100:1')).toBe(true);
});
