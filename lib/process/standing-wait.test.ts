import { StandingWait } from './standing-wait';
import { Troubles } from './troubles';

function setUp() {
  const clock = {
    nowMs: () => clock.ms,
    ms: 0,
    sleep: () => Promise.resolve(),
    every: () => () => undefined,
  };
  const troubles = new Troubles();
  const wait = new StandingWait(troubles, clock);
  const lookAt = (seconds: number, mark: string): readonly unknown[] => {
    clock.ms = 1_000 * seconds;
    wait.look(mark, `waiting at ${mark}`);
    return troubles.current;
  };
  return { wait, troubles, lookAt };
}

test('what gets on is no trouble, however long it takes', () => {
  const { lookAt } = setUp();
  expect(lookAt(0, 'a')).toEqual([]);
  expect(lookAt(59, 'a')).toEqual([]);
  expect(lookAt(60, 'b')).toEqual([]);
  expect(lookAt(119, 'b')).toEqual([]);
});

test('a standing wait is shown, without a fault, until it moves or is over', () => {
  const { lookAt, wait, troubles } = setUp();
  lookAt(0, 'a');
  expect(lookAt(60, 'a')).toEqual([{ cause: 'waiting at a', isStuck: false, isPace: true }]);
  expect(lookAt(61, 'b')).toEqual([]);
  expect(lookAt(121, 'b')).toHaveLength(1);
  wait.end();
  expect(troubles.current).toEqual([]);
});
