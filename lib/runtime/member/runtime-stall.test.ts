import {
  at,
  createFixture,
  eventually,
  gate,
  other,
  type Fixture,
  type Handle,
} from '../../../test/support/memory/runtime-fixture';
import { systemClock } from '../../process/clock';
import type { ConsumerState } from '../consumer';
import { done, retry } from '../outcome';

/** A runtime whose clock moves only when the test advances it by seconds; its timers run at each. */
async function created(handle: Handle = () => done, over = {}) {
  let nowMs = 1_000_000;
  const watches: (() => void)[] = [];
  const clock = {
    ...systemClock,
    nowMs: () => nowMs,
    every: (_: number, act: () => void) => {
      watches.push(act);
      return () => undefined;
    },
  };
  const fixture = createFixture(handle, over, {}, clock);
  await fixture.runtime.start();
  const pass = async (seconds: number): Promise<ConsumerState> => {
    for (let second = 0; second < seconds; second += 1) {
      nowMs += 1_000;
      for (const act of watches) act();
      for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
    }
    return fixture.runtime.state();
  };
  return { ...fixture, pass };
}

const lies = (fixture: Pick<Fixture, 'client'>, records: number): void => {
  for (let index = 0; index < records; index += 1) fixture.client.append(at, `key-${index}`, 'x');
};

test('a drain before a join that never comes is a stall once a rebalance would be over', async () => {
  const fixture = await created();
  await fixture.join();
  lies(fixture, 50);
  fixture.client.drain();
  const early = await fixture.pass(25);
  expect(early.stalledMs).toBe(0);
  expect(early.partitions[0]).toMatchObject({ logEnd: 50, workLeft: 50, intakeHold: 'draining' });
  const late = await fixture.pass(60);
  expect(late.stalledMs).toBeGreaterThan(30_000);
  expect(late.stalledBy).toBe('50 records of things/0 lie in Kafka and are not taken');
  fixture.client.join([at]);
  await fixture.client.fetch();
  await eventually(() => fixture.handled.length === 50);
  expect(await fixture.pass(6)).toMatchObject({ stalledMs: 0, stalledBy: null });
});

test('a fetch that brings nothing is one, and so is a pause that is never lifted', async () => {
  const fixture = await created();
  await fixture.join();
  lies(fixture, 1);
  expect((await fixture.pass(30)).stalledMs).toBeGreaterThan(20_000);
});

test('work that a pause holds is reported as such: the metrics stay true, and it is no stall', async () => {
  const fixture = await created();
  await fixture.join();
  fixture.runtime.steer({ paused: true });
  lies(fixture, 50);
  const state = await fixture.pass(60);
  expect(state.stalledMs).toBe(0);
  expect(state.partitions[0]).toMatchObject({
    workLeft: 50,
    highWatermark: 50,
    intakeHold: 'shut',
  });
});

test('Kafka that does not say what is left is waited for, by its name', async () => {
  const fixture = await created();
  await fixture.join();
  lies(fixture, 50);
  await fixture.pass(6);
  fixture.client.positionsError = new Error('ECONNREFUSED');
  expect(await fixture.pass(60)).toMatchObject({ stalledMs: 0, kafkaSilentBy: 'ECONNREFUSED' });
  fixture.client.positionsError = null;
  expect((await fixture.pass(30)).stalledMs).toBeGreaterThan(0);
});

test('the stall watch names leaders that do not answer while the coordinator does, once their answer is overdue', async () => {
  const fixture = await created();
  const other = { ...at, partition: 1 };
  fixture.client.join([at, other]);
  await eventually(() => !fixture.client.paused.has('things/1'));
  const { kafkaAnsweredAtMs } = await fixture.pass(6);
  fixture.client.leaderless.add(`${other.topic}/1`);
  expect(await fixture.pass(5)).toMatchObject({ kafkaSilentBy: null });
  lies(fixture, 50);
  const state = await fixture.pass(30);
  expect(state).toMatchObject({
    kafkaSilentBy: 'no leader of things/1 has answered',
    kafkaAnsweredAtMs,
  });
  // It does not hide what is known of the other partitions.
  expect(state.stalledBy).toBe('50 records of things/0 lie in Kafka and are not taken');
  fixture.client.leaderless.clear();
  expect(await fixture.pass(6)).toMatchObject({ kafkaSilentBy: null });
});

test('commits that go to the wrong broker for ever are a stall; those that the group cannot take are not', async () => {
  const fixture = await created();
  await fixture.join();
  fixture.client.commitError = new Error('This is not the correct coordinator for this group');
  lies(fixture, 1);
  await fixture.client.fetch();
  await eventually(() => fixture.handled.length === 1);
  const state = await fixture.pass(60);
  expect(state.stalledMs).toBeGreaterThan(20_000);
  expect(state.stalledBy).toMatch(/cannot be committed .*not the correct coordinator/);
  expect(state.partitions[0]).toMatchObject({ doneBelow: 1, workLeft: 1 });
  const unable = { type: 'GROUP_COORDINATOR_NOT_AVAILABLE' };
  fixture.client.commitError = Object.assign(new Error('not enough replicas'), unable);
  expect(await fixture.pass(2)).toMatchObject({
    stalledMs: 0,
    membership: { commitsWaitFor: 'not enough replicas' },
  });
});

test('a lane that tries again hides nothing of what its partition does not take', async () => {
  const fixture = await created(() => retry(new Error('not now')), { lanes: 4 });
  await fixture.join();
  lies(fixture, 1);
  await fixture.client.fetch();
  lies(fixture, 20);
  const state = await fixture.pass(30);
  expect(state.partitions[0]).toMatchObject({ retryingLanes: 1, intakeHold: null, workLeft: 21 });
  expect(state.stalledBy).toBe('20 records of things/0 lie in Kafka and are not taken');
});

test('a handler that hangs ends the process also when its partition is given away: it keeps its slot', async () => {
  const hang = (): Promise<never> => new Promise(() => undefined);
  const fixture = await created(hang);
  await fixture.join();
  lies(fixture, 1);
  await fixture.client.fetch();
  await eventually(() => fixture.handled.length === 1);
  fixture.client.join([other]);
  await fixture.pass(299);
  expect(fixture.fatal).toEqual([]);
  await fixture.pass(2);
  expect(fixture.fatal.map(({ message }) => message)).toEqual([
    expect.stringMatching(/A micro-batch of things\/0 has run for more than 300000 ms/),
  ]);
});

test('what ends after its partition was given away is no longer watched', async () => {
  const ending = gate();
  const handle = async (): Promise<typeof done> => {
    await ending.opened;
    return done;
  };
  const fixture = await created(handle);
  await fixture.join();
  lies(fixture, 1);
  await fixture.client.fetch();
  await eventually(() => fixture.handled.length === 1);
  fixture.client.join([other]);
  ending.open();
  await fixture.pass(400);
  expect(fixture.fatal).toEqual([]);
});
