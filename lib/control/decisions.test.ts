import { flag } from '../../test/support/records/control';
import type { ConsumedRecord } from '../runtime/subscription';
import type { Control } from '../../schemas/generated';
import { decisionsSubscription } from './decisions';

const setUp = () => {
  const said: string[] = [];
  const subscription = decisionsSubscription({
    topic: 'afterbuild.control',
    decode: () => flag('all', 'pause', 'true').value,
    onDecision: ({ key, value }) => said.push(`${key}=${value === null ? 'none' : value.kind}`),
    onForgotten: () => said.push('forgotten'),
    onCaughtUp: () => said.push('caught up'),
  });
  const read = (from: number, ...values: (Control | null)[]) =>
    subscription.handle(
      values.map(
        (value, index) =>
          ({ offset: from + index, key: `key-${from + index}`, value }) as ConsumedRecord<unknown>,
      ),
      new AbortController().signal,
      () => true,
    );
  return { said, subscription, read };
};
const { value } = flag('all', 'pause', 'true');

test('every decision is passed on in order, tombstones too, and then the end of the topic', async () => {
  const { said, subscription, read } = setUp();
  subscription.onAssigned?.(0, { highWatermark: 2 });
  expect(await read(0, value, null)).toHaveLength(2);
  subscription.onCaughtUp?.(0);
  expect(said).toEqual(['key-0=flag', 'key-1=none', 'caught up']);
});

test('read again after a rebalance, old decisions are no news: none of them stands for a moment', async () => {
  const { said, subscription, read } = setUp();
  await read(0, value, null);
  subscription.onLost?.(0);
  subscription.onAssigned?.(0, { highWatermark: 3 });
  expect(await read(0, value, null, value)).toHaveLength(3);
  expect(said).toEqual(['key-0=flag', 'key-1=none', 'key-2=flag']);
});

test('a topic that was made anew begins a new story', async () => {
  const { said, subscription, read } = setUp();
  await read(0, value, value);
  subscription.onAssigned?.(0, { highWatermark: 1 });
  await read(0, null);
  expect(said).toEqual(['key-0=flag', 'key-1=flag', 'forgotten', 'key-0=none']);
});

test('it goes to every member, whole, in the order of the log', () => {
  expect(setUp().subscription).toMatchObject({
    start: 'beginning',
    readers: 'every-member',
    lanes: 1,
  });
});
