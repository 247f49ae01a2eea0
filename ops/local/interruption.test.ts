import { EventEmitter } from 'node:events';
import { listenForInterruption } from './interruption';

function setUp() {
  const source = new EventEmitter() as unknown as NodeJS.Process;
  const state = { nowMs: 0, seconds: 0 };
  const interruption = listenForInterruption({
    source,
    nowMs: () => state.nowMs,
    onSecond: () => {
      state.seconds += 1;
    },
  });
  return { source, state, interruption };
}

it('takes the first signal as the request to stop', () => {
  const { source, interruption } = setUp();
  expect(interruption.signal.aborted).toBe(false);
  source.emit('SIGTERM', 'SIGTERM');
  expect(interruption.signal.aborted).toBe(true);
});

it('takes a signal that arrives twice at once for one request', () => {
  const { source, state } = setUp();
  source.emit('SIGINT', 'SIGINT');
  state.nowMs = 100;
  source.emit('SIGINT', 'SIGINT');
  expect(state.seconds).toBe(0);
});

it('takes a later signal for impatience, once', () => {
  const { source, state } = setUp();
  source.emit('SIGINT', 'SIGINT');
  state.nowMs = 2_000;
  source.emit('SIGINT', 'SIGINT');
  source.emit('SIGINT', 'SIGINT');
  expect(state.seconds).toBe(1);
});

it('listens no more after its release', () => {
  const { source, interruption } = setUp();
  interruption.release();
  source.emit('SIGINT', 'SIGINT');
  expect(interruption.signal.aborted).toBe(false);
});
