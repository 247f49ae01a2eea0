import { pino } from 'pino';
import { breakerHint, flag, HandClock, type Decided } from '../../test/support/records/control';
import type { Dependency } from '../runtime/dependency';
import type { ConsumedRecord } from '../runtime/subscription';
import type { Control } from '../../schemas/generated';
import { ControlClient, type Steered } from './control-client';

type Breaker = ReturnType<Steered['state']>['breakers'][number];

const setUp = () => {
  const clock = new HandClock();
  const lines: Record<string, unknown>[] = [];
  const written: { key: string; value: Control | null }[] = [];
  const server = { fails: false };
  const client = new ControlClient({
    process: 'artifact-deleter',
    instance: 'pod-1',
    topics: { control: 'afterbuild.control', work: 'artifacts.expired' },
    decode: () => flag('all', 'pause', 'true').value,
    write: (key, value) => {
      if (server.fails) return Promise.reject(new Error('no broker'));
      written.push({ key, value });
      return Promise.resolve();
    },
    clock,
    logger: pino({ base: {} }, { write: (line) => void lines.push(JSON.parse(line) as never) }),
  });
  const steered: unknown[] = [];
  const hinted: [Dependency, number][] = [];
  const consumer = {
    partitions: [0, 1, 2].map((partition) => ({ topic: 'artifacts.expired', partition })),
    breakers: [] as Breaker[],
    partitionsInAll: 12,
  };
  const said: string[] = [];
  const subscription = client.subscription({
    onDecision: (decision) => said.push(decision?.kind ?? 'taken back'),
    onCaughtUp: () => said.push(`caught up, paused ${client.effective.paused}`),
  });
  let offset = 0;
  const decide = (key: string, value: Control | null) =>
    subscription.handle(
      [{ offset: offset++, key, value } as ConsumedRecord<unknown>],
      new AbortController().signal,
      () => true,
    );
  const set = ({ key, value }: Decided) => decide(key, value);
  client.follow({
    state: () => consumer,
    partitionsOf: () => consumer.partitionsInAll,
    steer: (to) => steered.push(to),
    hint: (dependency, untilMs) => hinted.push([dependency, untilMs]),
  });
  const events = () => lines.map(({ event }) => event);
  const caughtUp = () => subscription.onCaughtUp?.(0);
  return {
    ...{ client, clock, server, consumer, steered, hinted, written, said },
    ...{ events, set, decide, caughtUp },
  };
};

const asSet = { paused: false, recordsPerSecond: null, concurrency: null };
const unknown = { ...asSet, paused: true };

test('nothing may begin before the decisions are known', () => {
  const { caughtUp, steered } = setUp();
  expect(steered).toEqual([unknown]);
  caughtUp();
  expect(steered).toEqual([unknown, asSet]);
});

test('earlier decisions are in force before they are reported as known', async () => {
  const { set, decide, caughtUp, said, steered, events } = setUp();
  const rate = flag('all', 'rate', '5');
  await set(rate);
  await set(flag('artifact-deleter', 'pause', 'true'));
  await decide(rate.key, null);
  expect(steered).toEqual([unknown]);
  caughtUp();
  expect(steered).toEqual([unknown, { ...asSet, paused: true }]);
  expect(said.at(-1)).toBe('caught up, paused true');
  expect(events()).toEqual(['flag.in-force']);
});

test('a decision takes effect when it is read, is logged once, and ends at its expiry', async () => {
  const { set, decide, caughtUp, steered, events, clock, client } = setUp();
  caughtUp();
  await set(flag('artifact-deleter', 'pause', 'true', 10_000));
  await set(flag('trace-archiver', 'pause', 'true'));
  const concurrency = flag('all', 'concurrency', '1');
  await set(concurrency);
  expect(steered.slice(2)).toEqual([
    { ...asSet, paused: true },
    { ...asSet, paused: true, concurrency: 1 },
  ]);
  await clock.tick(9_000);
  expect(steered.at(-1)).toEqual({ ...asSet, concurrency: 1 });
  await decide(concurrency.key, null);
  expect(steered.at(-1)).toEqual(asSet);
  expect(client.flags).toEqual([]);
  expect(events()).toEqual(['flag.changed', 'flag.changed', 'flag.changed']);
});

test('a rate is shared out by the partitions that are held', async () => {
  const { set, caughtUp, steered, consumer, clock } = setUp();
  caughtUp();
  await set(flag('all', 'rate', '120'));
  expect(steered.at(-1)).toEqual({ ...asSet, recordsPerSecond: 30 });
  consumer.partitions.push({ topic: 'artifacts.expired', partition: 3 });
  await clock.tick();
  expect(steered.at(-1)).toEqual({ ...asSet, recordsPerSecond: 40 });
  consumer.partitionsInAll = 24;
  await clock.tick();
  expect(steered.at(-1)).toEqual({ ...asSet, recordsPerSecond: 20 });
});

test('an unknown flag is ignored and logged', async () => {
  const { set, caughtUp, steered, events } = setUp();
  caughtUp();
  await set(flag('all', 'colour', 'red'));
  expect([events(), steered]).toEqual([['flag.ignored'], [unknown, asSet]]);
});

test('work that waits while the process is paused goes on when it is not', async () => {
  const { set, decide, caughtUp, client } = setUp();
  caughtUp();
  const pause = flag('all', 'pause', 'true');
  await set(pause);
  let passed = false;
  const waiting = client.untilNotPaused(new AbortController().signal).then(() => (passed = true));
  await new Promise((resolve) => setImmediate(resolve));
  expect(passed).toBe(false);
  await decide(pause.key, null);
  await waiting;
  await expect(client.untilNotPaused(AbortSignal.abort(new Error('stop')))).rejects.toThrow('stop');
});

test('a hint is believed for a minute, even when it names a later end', async () => {
  const { set, caughtUp, clock, hinted } = setUp();
  caughtUp();
  await set(breakerHint('artifact-deleter/pod-2', 's3', Number.MAX_SAFE_INTEGER));
  expect(hinted).toEqual([['s3', clock.nowMs() + 60_000]]);
});

test('hints of others are passed on, also those from before; they steer nothing', async () => {
  const { set, caughtUp, hinted, steered } = setUp();
  await set(breakerHint('artifact-deleter/pod-2', 's3', 60_000));
  await set(breakerHint('artifact-deleter/pod-3', 'redis', 1));
  caughtUp();
  await set(breakerHint('trace-archiver/pod-9', 'postgres', 61_000));
  await set(breakerHint('artifact-deleter/pod-1', 's3', 80_000));
  await set(breakerHint('artifact-deleter/pod-4', 'moon', 80_000));
  expect(hinted).toEqual([
    ['s3', 60_000],
    ['postgres', 61_000],
  ]);
  expect(steered).toEqual([unknown, asSet]);
});

test('an open breaker is said with an owner and an end, and taken back when it closes', async () => {
  const { caughtUp, consumer, clock, written, server, events, client } = setUp();
  caughtUp();
  consumer.breakers = [{ dependency: 's3', state: 'open', cause: 'refused' }];
  server.fails = true;
  await clock.tick();
  await clock.tick();
  server.fails = false;
  await clock.tick();
  expect(written).toMatchObject([
    {
      key: 'breaker/s3/artifact-deleter/pod-1',
      value: { breaker: { untilMs: clock.ms + 60_000 } },
    },
  ]);
  consumer.breakers = [];
  await clock.tick();
  expect(written.slice(1)).toEqual([{ key: 'breaker/s3/artifact-deleter/pod-1', value: null }]);
  expect(events()).toEqual(['hint.unsaid']);
  consumer.breakers = [{ dependency: 'redis', state: 'half-open', cause: 'refused' }];
  await clock.tick();
  await client.end();
  expect(written.at(-1)).toEqual({ key: 'breaker/redis/artifact-deleter/pod-1', value: null });
});
