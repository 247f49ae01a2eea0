import { Metrics } from '../../lib/metrics/metrics';
import { Troubles } from '../../lib/process/troubles';
import { ShownEndingTraces } from './ending-traces';

const hourMs = 3_600_000;
const build = (buildId: number) => ({ partitionId: 100, buildId });

function shown() {
  const state = { nowMs: 0 };
  const clock = {
    nowMs: () => state.nowMs,
    sleep: () => Promise.resolve(),
    every: () => () => undefined,
  };
  const troubles = new Troubles();
  const metrics = new Metrics('trace-archiver');
  const ending = new ShownEndingTraces({ troubles, metrics, clock });
  return { state, troubles, metrics, ending };
}

test('the first to end is named with the time it has, and is no reason for red readiness while it is kept', async () => {
  const { troubles, metrics, ending } = shown();
  ending.waits(build(1), { endsAtMs: 48 * hourMs, reason: 'too long', isKept: true });
  ending.waits(build(2), { endsAtMs: 12 * hourMs, reason: 'too short', isKept: true });
  expect(troubles.current).toEqual([
    {
      cause:
        '2 traces wait; the first data that Redis would drop is that of build 2, in 12.0 h: too short',
      isStuck: false,
    },
  ]);
  expect((await metrics.read()).text).toMatch(/afterbuild_waiting_trace_ends_seconds\{.*\} 43200/);
});

test('what cannot be kept turns readiness red with the build, the time and the reason', () => {
  const { troubles, ending } = shown();
  ending.waits(build(1), { endsAtMs: 48 * hourMs, reason: 'too long', isKept: true });
  ending.waits(build(3), { endsAtMs: 50 * hourMs, reason: 'GitLab has its row', isKept: false });
  expect(troubles.current[0]).toMatchObject({ isStuck: true });
  expect(troubles.current[0]?.cause).toMatch(/build 3 in 50.0 h.*GitLab has its row/);
});

test('a trace is not shown any more when it is archived, when its data has ended, or when no instance meets it', async () => {
  const { state, troubles, metrics, ending } = shown();
  ending.waits(build(1), { endsAtMs: 900 * hourMs, reason: 'x', isKept: true });
  ending.over(build(1));
  expect(troubles.current).toEqual([]);
  ending.waits(build(2), { endsAtMs: hourMs, reason: 'x', isKept: true });
  ending.waits(build(3), { endsAtMs: 900 * hourMs, reason: 'x', isKept: true });
  state.nowMs = 2 * hourMs;
  expect((await metrics.read()).text).toMatch(/afterbuild_waiting_traces\{.*\} 1\n/);
  state.nowMs = 25 * hourMs;
  expect((await metrics.read()).text).toMatch(/afterbuild_waiting_traces\{.*\} 0\n/);
});
