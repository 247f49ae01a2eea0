import type { DatabaseDecision } from './decide';
import type { DatabaseIdentity } from '../stores/postgres/identity';
import { Brake } from './brake';

const primary: DatabaseIdentity = {
  systemIdentifier: '7',
  databaseName: 'gitlab',
  timeline: 1,
  lsn: 1_000,
  inRecovery: false,
};
const origin = { systemIdentifier: '7', databaseName: 'gitlab', timeline: 1, lsn: 900 };

const at = (partition: number, offset: number, from: typeof origin, timestampMs = 1) => ({
  ...{ origin: from, timestampMs, topic: 'artifacts.expired', partition, offset },
});

function brakeOn(database: DatabaseIdentity = primary) {
  const server = { now: database, asked: 0 };
  const clock = { nowMs: 100 };
  const brake = new Brake({
    expected: { systemIdentifier: '7', databaseName: 'gitlab' },
    nowMs: () => clock.nowMs,
    readIdentity: () => {
      server.asked += 1;
      return Promise.resolve(server.now);
    },
  });
  return { brake, server, clock };
}

const accepted = (lsn: number, atMs: number, databaseName = 'gitlab'): DatabaseDecision => ({
  kind: 'accept-database',
  atMs,
  acceptedDatabase: { systemIdentifier: '7', databaseName, timeline: 1, lsn },
});

test('nothing is released before the decisions have been read', async () => {
  const { brake } = brakeOn();
  await expect(brake.assertReleased()).rejects.toThrow(/control topic/);
  brake.decisionsRead();
  await expect(brake.assertReleased()).resolves.toBeUndefined();
});

test('the database is asked again only for a record that is newer than what is known', async () => {
  const { brake, server } = brakeOn();
  await brake.checkConnection(() => Promise.resolve(primary));
  expect((await brake.judge(at(0, 0, origin))).kind).toBe('same-history');
  expect(server.asked).toBe(0);
  server.now = { ...primary, lsn: 2_000 };
  const newer = at(0, 1, { ...origin, lsn: 1_500 });
  expect((await brake.judge(newer)).kind).toBe('same-history');
  expect(server.asked).toBe(1);
});

test('an older copy stays held after it has grown past the record, until it is accepted', async () => {
  const { brake, server } = brakeOn();
  brake.decisionsRead();
  const newest = at(0, 0, { ...origin, lsn: 5_000 }, 90);
  for (const partition of [0, 1, 2]) {
    expect((await brake.judge({ ...newest, partition })).kind).toBe('hold');
  }
  server.now = { ...primary, lsn: 6_000 };
  await expect(brake.assertReleased()).rejects.toThrow(/older copy/);
  brake.decide(accepted(5_500, 89));
  await expect(brake.assertReleased()).rejects.toThrow(/older copy/);
  // The records are of 90, we looked at 100: the operator did not have to wait for us.
  brake.decide(accepted(5_500, 95));
  await expect(brake.assertReleased()).resolves.toBeUndefined();
  expect((await brake.judge(newest)).kind).toBe('older-history');
});

test('one record that is ahead of the database waits alone, also when the database has grown past it', async () => {
  const { brake, server } = brakeOn();
  brake.decisionsRead();
  const ahead = at(0, 7, { ...origin, lsn: 1_001 });
  expect((await brake.judge(ahead)).kind).toBe('hold');
  await expect(brake.assertReleased()).resolves.toBeUndefined();
  expect((await brake.judge(at(0, 8, origin))).kind).toBe('same-history');
  server.now = { ...primary, lsn: 9_000 };
  expect((await brake.judge(ahead)).kind).toBe('hold');
  server.now = { ...primary, lsn: 9_500 };
  brake.decide(accepted(9_400, 120));
  expect((await brake.judge(ahead)).kind).toBe('older-history');
});

test('many records of one partition that are ahead hold only themselves; one of another partition holds all', async () => {
  const { brake } = brakeOn();
  brake.decisionsRead();
  const ahead = (partition: number, offset: number) =>
    brake.judge(at(partition, offset, { ...origin, lsn: 1_001 }));
  for (const offset of [1, 2, 3, 4]) expect((await ahead(0, offset)).kind).toBe('hold');
  await expect(brake.assertReleased()).resolves.toBeUndefined();
  await ahead(1, 1);
  await expect(brake.assertReleased()).rejects.toThrow(/older copy/);
});

test('a database that goes back under us is held', async () => {
  const { brake } = brakeOn();
  brake.decisionsRead();
  await brake.checkConnection(() => Promise.resolve(primary));
  await brake.checkConnection(() => Promise.resolve({ ...primary, lsn: 999 }));
  await expect(brake.assertReleased()).rejects.toThrow(/went back from position 1000/);
});

const wentBack = async () => {
  const { brake, ...rest } = brakeOn({ ...primary, lsn: 400 });
  brake.decisionsRead();
  rest.clock.nowMs = 50;
  await brake.checkConnection(() => Promise.resolve(primary));
  rest.clock.nowMs = 100;
  const connect = () => brake.checkConnection(() => Promise.resolve(rest.server.now));
  return { brake, connect, ...rest };
};

test('an older copy under a process that lives on is accepted once, also for connections that are opened afterwards', async () => {
  const { brake, connect, server, clock } = await wentBack();
  await connect();
  await expect(brake.assertReleased()).rejects.toThrow(/went back from position 1000 .* to 400/);
  clock.nowMs = 130;
  brake.decide(accepted(400, 120));
  await expect(brake.assertReleased()).resolves.toBeUndefined();
  server.now = { ...primary, lsn: 410 };
  await connect();
  await expect(brake.assertReleased()).resolves.toBeUndefined();
});

test('a process that meets the older copy only after it was accepted does not ask again', async () => {
  const { brake, connect } = await wentBack();
  brake.decide(accepted(400, 90));
  await connect();
  await expect(brake.assertReleased()).resolves.toBeUndefined();
});

test('an acceptance that was given before we looked, and reaches us afterwards, is one', async () => {
  const { brake, connect } = await wentBack();
  await connect();
  brake.decide(accepted(400, 99));
  await expect(brake.assertReleased()).resolves.toBeUndefined();
});

test('a copy that takes the place of an accepted one is another question', async () => {
  const { brake, connect, server, clock } = await wentBack();
  brake.decide(accepted(400, 90));
  await connect();
  server.now = { ...primary, lsn: 399 };
  clock.nowMs = 200;
  await connect();
  await expect(brake.assertReleased()).rejects.toThrow(/went back from position 400/);
  brake.decide(accepted(399, 95));
  await expect(brake.assertReleased()).rejects.toThrow(/went back from position 400/);
  brake.decide(accepted(399, 150));
  await expect(brake.assertReleased()).resolves.toBeUndefined();
});

test('an answer that was only overtaken by a later question does not look like going back', async () => {
  const { brake } = brakeOn();
  brake.decisionsRead();
  const slow = Promise.withResolvers<DatabaseIdentity>();
  const overtaken = brake.checkConnection(() => slow.promise);
  await brake.checkConnection(() => Promise.resolve({ ...primary, lsn: 1_001 }));
  slow.resolve(primary);
  await overtaken;
  await expect(brake.assertReleased()).resolves.toBeUndefined();
});

test('the decision about another database is not for this one', async () => {
  const { brake } = brakeOn();
  brake.decide(accepted(900, 120, 'other'));
  const older = at(0, 0, { ...origin, timeline: 0 });
  expect((await brake.judge(older)).kind).toBe('hold');
});

test('a connection to a standby is refused', async () => {
  const { brake } = brakeOn();
  const standby = { ...primary, inRecovery: true };
  await expect(brake.checkConnection(() => Promise.resolve(standby))).rejects.toThrow(
    /in recovery/,
  );
});
