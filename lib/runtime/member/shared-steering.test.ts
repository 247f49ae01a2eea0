import { SharedSteering } from './shared-steering';

test('of two hands the stricter one holds, and neither forgets the other', () => {
  const sent: unknown[] = [];
  const shared = new SharedSteering((to) => sent.push(to), 20);
  shared.steer({ paused: false, recordsPerSecond: null, concurrency: 2 });
  expect(sent.at(-1)).toEqual({ paused: false, recordsPerSecond: 20, concurrency: 2 });
  shared.steer({ recordsPerSecond: 5 });
  expect(sent.at(-1)).toEqual({ paused: false, recordsPerSecond: 5, concurrency: 2 });
  shared.hold(true);
  shared.hold(true);
  shared.steer({ recordsPerSecond: 50 });
  expect(sent.at(-1)).toEqual({ paused: true, recordsPerSecond: 20, concurrency: 2 });
  shared.hold(false);
  shared.steer({ paused: true });
  shared.hold(false);
  expect(sent.at(-1)).toMatchObject({ paused: true });
  expect(sent).toHaveLength(6);
});
