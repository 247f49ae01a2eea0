import { listeningLogger, SteppedClock } from '../../test/support/records/expired-artifacts';
import { Troubles } from '../process/troubles';
import { ArrivalProbe } from './arrival-probe';
import { Watchdog, type ObservedHealth } from './watchdog';

const well: ObservedHealth = {
  slot: { active: true, activePid: 1 },
  connectorState: 'RUNNING',
  storedLsn: 100,
  gap: null,
  breaks: [],
  transactions: { runningFrom: 50, nextTransaction: 50 },
  arrivals: { confirmedLsn: 100, topicEnd: 1, newRows: 0, lsn: 100 },
};
const start = 'this process has not watched the stream before';
const advanced = { kind: 'slot-advanced', storedLsn: 100, slotLsn: 200, streamsOn: true };
const waits = (text: string) => [{ text, losesChanges: false }];
const loses = (text: string) => [{ text, losesChanges: true }];
const missing = { kind: 'slot-missing', storedLsn: 100, slotLsn: null, streamsOn: false };

function observe(...looks: Partial<ObservedHealth>[]) {
  const repairs: string[] = [];
  const { logger, said } = listeningLogger();
  const troubles = new Troubles();
  const watchdog = new Watchdog({
    look: () => Promise.resolve(well),
    probe: new ArrivalProbe('t', 'cdc.t'),
    requestRepair: (reason) => repairs.push(reason),
    restartFailed: null,
    troubles,
    clock: new SteppedClock(),
    logger,
    everyMs: 1,
  });
  for (const look of looks) watchdog.observe({ ...well, ...look });
  return { repairs, said, troubles: troubles.current };
}

test('a stream that was not watched before is repaired once, and then no repair is requested', () => {
  const { repairs, said } = observe({}, {}, {});
  expect(repairs).toEqual([start]);
  expect(said).toEqual([{ level: 'info', event: 'cdc.repair' }]);
});

test('a slot that was advanced while no client streamed is repaired once, when changes flow again', () => {
  const idle = { slot: { active: false, activePid: null }, gap: advanced };
  const { repairs } = observe({}, idle, idle, { gap: advanced }, { gap: advanced }, {});
  expect(repairs).toEqual([start, 'slot-advanced after 100']);
});

test('a gap behind an interrupted stream is believed at once', () => {
  const { repairs } = observe({}, { slot: { active: true, activePid: 2 }, gap: advanced });
  expect(repairs).toEqual([start, 'slot-advanced after 100']);
});

test('a connector at work that confirms ahead of its stored position is no gap', () => {
  const ahead = { gap: { ...advanced, storedLsn: 300 } };
  expect(observe({}, { gap: advanced }, {}, ahead).repairs).toEqual([start]);
});

test('a burst of changes on a healthy stream is silent', () => {
  const gapAt = (storedLsn: number) => ({
    gap: { ...advanced, storedLsn },
    breaks: [{ text: 'past the stored position', losesChanges: false, isGap: true as const }],
  });
  const { said, troubles, repairs } = observe({}, gapAt(100), gapAt(300), gapAt(500), {});
  expect([troubles, repairs]).toEqual([[], [start]]);
  expect(said).not.toContain('changes may not arrive');
  expect(observe({}, gapAt(100), gapAt(100)).troubles).toHaveLength(1);
});

test('the same gap twice is a gap', () => {
  expect(observe({}, { gap: advanced }, { gap: advanced }).repairs).toHaveLength(2);
});

test('a slot that is gone is repaired only when the new one streams', () => {
  const gone = { slot: null, connectorState: 'FAILED', gap: missing };
  expect(observe({}, gone, gone).repairs).toEqual([start]);
  expect(observe({}, gone, {}).repairs).toEqual([start, 'slot-missing after 100']);
});

test('a connector that has begun anew is repaired, one that is unreachable is not', () => {
  expect(observe({}, { storedLsn: null }).repairs).toEqual([
    start,
    'the connector began anew after 100',
  ]);
  const unreachable = { storedLsn: null, connectorState: 'UNREACHABLE' };
  expect(observe({}, unreachable, {}).repairs).toEqual([start]);
});

test('a Connect that is starting has not forgotten its connector, one that was deleted is missed', () => {
  const starting = { storedLsn: null, connectorState: 'MISSING' };
  expect(observe({}, starting, {}).repairs).toEqual([start]);
  expect(
    observe({}, starting, { ...starting, connectorState: 'UNREACHABLE' }, starting, {}).repairs,
  ).toEqual([start]);
  expect(observe({}, starting, starting, {}).repairs).toEqual([
    start,
    'the connector began anew after 100',
  ]);
});

test('problems are said when they change, and so is their end', () => {
  const ill = { breaks: waits('There is no slot.') };
  const { said, troubles } = observe({}, ill, ill, {});
  expect(said.map(({ event }) => event)).toEqual(['cdc.repair', 'cdc.unwell', 'cdc.well']);
  expect(troubles).toEqual([]);
});

test('what is wrong at the moment is a trouble that leaves the process ready', () => {
  const { troubles } = observe(
    { breaks: waits('It is away.') },
    { breaks: waits('There is no slot.') },
  );
  const cause = 'changes may not arrive: There is no slot.';
  expect(troubles).toEqual([{ cause, isStuck: false }]);
});

test('goes on looking when PostgreSQL does not answer', async () => {
  const ending = new AbortController();
  const { logger, said } = listeningLogger();
  let looks = 0;
  const watchdog = new Watchdog({
    look: () => {
      looks += 1;
      if (looks === 3) ending.abort(new Error('stop'));
      return looks === 1 ? Promise.reject(new Error('away')) : Promise.resolve(well);
    },
    probe: new ArrivalProbe('t', 'cdc.t'),
    requestRepair: () => undefined,
    restartFailed: null,
    troubles: new Troubles(),
    clock: new SteppedClock(),
    logger,
    everyMs: 1,
  });
  await expect(watchdog.run(ending.signal)).rejects.toThrow('stop');
  expect(looks).toBe(3);
  expect(said.map(({ event }) => event)).toEqual(['cdc.unwell', 'cdc.well', 'cdc.repair']);
});

test('a stream that was interrupted is repaired, from any position that it began from', () => {
  const other = { slot: { active: true, activePid: 2 } };
  const away = { slot: { active: false, activePid: null } };
  expect(observe({}, away, other, other).repairs).toEqual([start, 'the stream was interrupted']);
});

test('a repair is asked for once more when the transactions that were open at it have ended', () => {
  const open = { transactions: { runningFrom: 48, nextTransaction: 60 } };
  const later = { transactions: { runningFrom: 59, nextTransaction: 80 } };
  const ended = { transactions: { runningFrom: 60, nextTransaction: 80 } };
  expect(observe(open, later, ended, ended).repairs).toEqual([
    start,
    `${start} (once more: the transactions open then have ended)`,
  ]);
});

test('what loses changes turns the process red, and is repaired when it is over', () => {
  const broken = { breaks: loses('A table is gone.') };
  expect(observe({}, broken).troubles).toEqual([
    { cause: 'changes may not arrive: A table is gone.', isStuck: true },
  ]);
  expect(observe({}, broken, broken).repairs).toEqual([start]);
  expect(observe({}, broken, broken, {}).repairs).toEqual([start, 'A table is gone.']);
});

test('a break whose numbers grow is warned of once, and shown as it is now', () => {
  const { said, troubles } = observe(
    ...[
      {},
      { breaks: loses('1 of the rows is missing.') },
      { breaks: loses('25 of the rows is missing.') },
    ],
  );
  const unwell = said.filter(({ event }) => event === 'cdc.unwell').map(({ level }) => level);
  expect(unwell).toEqual(['warn', 'debug']);
  expect(troubles[0]?.cause).toMatch(/25 of the rows/);
});

test('rows that bring no record are a break although every part of the chain looks well', () => {
  const row = { arrivals: { confirmedLsn: 100, topicEnd: 1, newRows: 1, lsn: 200 } };
  const passed = { arrivals: { confirmedLsn: 200, topicEnd: 1, newRows: 0, lsn: 300 } };
  const arrives = { arrivals: { confirmedLsn: 300, topicEnd: 2, newRows: 0, lsn: 300 } };
  const { repairs, said } = observe({}, row, passed, passed, arrives);
  expect(said.map(({ event }) => event)).toEqual([
    ...['cdc.repair', 'cdc.unwell', 'cdc.well', 'cdc.repair'],
  ]);
  expect(repairs.at(-1)).toMatch(/^1 rows that were added to t /);
});

test('a failed task is restarted with growing pauses, but not where it could not go on', async () => {
  const restarts = async (health: Partial<ObservedHealth>, looksMax: number) => {
    const clock = new SteppedClock();
    const ending = new AbortController();
    const atMs: number[] = [];
    let looks = 0;
    const watchdog = new Watchdog({
      look: () => {
        looks += 1;
        if (looks === looksMax) ending.abort(new Error('stop'));
        return Promise.resolve({ ...well, ...health });
      },
      probe: new ArrivalProbe('t', 'cdc.t'),
      requestRepair: () => undefined,
      restartFailed: () => Promise.resolve(void atMs.push(clock.ms - 10_000)),
      troubles: new Troubles(),
      clock,
      logger: listeningLogger().logger,
      everyMs: 15_000,
    });
    await expect(watchdog.run(ending.signal)).rejects.toThrow('stop');
    return atMs.map((ms) => ms / 1_000);
  };
  const failed = { connectorState: 'FAILED' };
  expect(await restarts(failed, 20)).toEqual([0, 15, 45, 105, 225]);
  expect(await restarts({ ...failed, gap: missing }, 20)).toEqual([]);
  expect(await restarts({}, 20)).toEqual([]);
});
