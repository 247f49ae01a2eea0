import { listeningLogger, SteppedClock } from '../../test/support/expired-artifacts';
import { Troubles } from '../../lib/process/troubles';
import { Watchdog, type ObservedHealth } from './watchdog';

const well: ObservedHealth = {
  slot: { active: true, activePid: 1 },
  connectorState: 'RUNNING',
  storedLsn: 100,
  gap: null,
  problems: [],
};
const advanced = { kind: 'slot-advanced', storedLsn: 100, slotLsn: 200, streamsOn: true };
const missing = { kind: 'slot-missing', storedLsn: 100, slotLsn: null, streamsOn: false };

function observe(...looks: Partial<ObservedHealth>[]) {
  const repairs: string[] = [];
  const { logger, said } = listeningLogger();
  const troubles = new Troubles();
  const watchdog = new Watchdog({
    readHealth: () => Promise.resolve(well),
    requestRepair: (reason) => repairs.push(reason),
    troubles,
    clock: new SteppedClock(),
    logger,
    everyMs: 1,
  });
  for (const look of looks) watchdog.observe({ ...well, ...look });
  return { repairs, said, troubles: troubles.current };
}

test('a stream without a gap asks for nothing', () => {
  expect(observe({}, {}).repairs).toEqual([]);
});

test('a slot that was advanced while nobody streamed is repaired once, when changes flow again', () => {
  const idle = { slot: { active: false, activePid: null }, gap: advanced };
  const { repairs } = observe({}, idle, idle, { gap: advanced }, { gap: advanced }, {});
  expect(repairs).toEqual(['slot-advanced after 100']);
});

test('a gap behind an interrupted stream is believed at once', () => {
  const { repairs } = observe({}, { slot: { active: true, activePid: 2 }, gap: advanced });
  expect(repairs).toHaveLength(1);
});

test('a connector at work that confirms ahead of its stored position is no gap', () => {
  expect(observe({ gap: advanced }, {}, { gap: { ...advanced, storedLsn: 300 } }).repairs).toEqual(
    [],
  );
});

test('the same gap twice is a gap', () => {
  expect(observe({ gap: advanced }, { gap: advanced }).repairs).toHaveLength(1);
});

test('a slot that is gone is repaired only when the new one streams', () => {
  const gone = { slot: null, connectorState: 'FAILED', gap: missing };
  expect(observe({}, gone, gone).repairs).toEqual([]);
  expect(observe({}, gone, {}).repairs).toEqual(['slot-missing after 100']);
});

test('a connector that has begun anew is repaired, one that is unreachable is not', () => {
  expect(observe({}, { storedLsn: null }).repairs).toEqual(['the connector began anew after 100']);
  const unreachable = { storedLsn: null, connectorState: 'UNREACHABLE' };
  expect(observe({}, unreachable, {}).repairs).toEqual([]);
});

test('a Connect that is starting has not forgotten its connector, one that was deleted is missed', () => {
  const starting = { storedLsn: null, connectorState: 'MISSING' };
  expect(observe({}, starting, {}).repairs).toEqual([]);
  expect(
    observe({}, starting, { ...starting, connectorState: 'UNREACHABLE' }, starting, {}).repairs,
  ).toEqual([]);
  expect(observe({}, starting, starting, {}).repairs).toEqual([
    'the connector began anew after 100',
  ]);
});

test('problems are said when they change, and so is their end', () => {
  const ill = { problems: ['There is no slot.'] };
  const { said, troubles } = observe({}, ill, ill, {});
  expect(said.map(({ event }) => event)).toEqual(['cdc.unwell', 'cdc.well']);
  expect(troubles).toEqual([]);
});

test('what is wrong at the moment is a trouble that leaves the process ready', () => {
  const { troubles } = observe({ problems: ['It is away.'] }, { problems: ['There is no slot.'] });
  const cause = 'changes may not arrive: There is no slot.';
  expect(troubles).toEqual([{ cause, isStuck: false }]);
});

test('goes on looking when PostgreSQL does not answer', async () => {
  const ending = new AbortController();
  const { logger, said } = listeningLogger();
  let looks = 0;
  const watchdog = new Watchdog({
    readHealth: () => {
      looks += 1;
      if (looks === 3) ending.abort(new Error('stop'));
      return looks === 1 ? Promise.reject(new Error('away')) : Promise.resolve(well);
    },
    requestRepair: () => undefined,
    troubles: new Troubles(),
    clock: new SteppedClock(),
    logger,
    everyMs: 1,
  });
  await expect(watchdog.run(ending.signal)).rejects.toThrow('stop');
  expect(looks).toBe(3);
  expect(said.map(({ event }) => event)).toEqual(['cdc.unwell', 'cdc.well']);
});
