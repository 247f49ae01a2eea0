import { EventEmitter } from 'node:events';
import { listenForInterruption, type EndingSignal } from './interruption';

function setUp() {
  const source = new EventEmitter() as unknown as NodeJS.Process;
  const state = { nowMs: 0 };
  const seconds: EndingSignal[] = [];
  const interruption = listenForInterruption({
    source,
    nowMs: () => state.nowMs,
    onSecond: (signal) => seconds.push(signal),
  });
  return { source, state, seconds, interruption };
}

it('takes the first signal as the request to stop', () => {
  const { source, interruption } = setUp();
  expect(interruption.signal.aborted).toBe(false);
  source.emit('SIGTERM', 'SIGTERM');
  expect(interruption.signal.aborted).toBe(true);
});

it('takes a signal that arrives twice at once for one request', () => {
  const { source, state, seconds } = setUp();
  source.emit('SIGINT', 'SIGINT');
  state.nowMs = 100;
  source.emit('SIGINT', 'SIGINT');
  expect(seconds).toEqual([]);
});

it('takes a later signal for impatience, once, and says which', () => {
  const { source, state, seconds } = setUp();
  source.emit('SIGINT', 'SIGINT');
  state.nowMs = 2_000;
  source.emit('SIGTERM', 'SIGTERM');
  source.emit('SIGINT', 'SIGINT');
  expect(seconds).toEqual(['SIGTERM']);
});

it('listens no more after its release', () => {
  const { source, interruption } = setUp();
  interruption.release();
  source.emit('SIGINT', 'SIGINT');
  expect(interruption.signal.aborted).toBe(false);
});
