import { joined, partitionState } from '../../test/support/memory/consumer-state';
import { pino } from 'pino';
import { HandClock } from '../../test/support/records/control';
import type { ConsumerState, PartitionState } from '../runtime/consumer';
import { Troubles, type Trouble } from '../process/troubles';
import type { InstanceStatus } from '../../schemas/generated';
import { withoutFlags } from './flags';
import { describeState, RateMeter } from './instance-status';
import { StatusReporter } from './status-reporter';

const partition = (other: Partial<PartitionState> = {}): PartitionState =>
  partitionState({
    topic: 'artifacts.expired',
    doneBelow: 10,
    committed: 10,
    highWatermark: 10,
    taken: 10,
    logEnd: null,
    ...other,
  });
const consumer = (other: Partial<ConsumerState> = {}): ConsumerState => ({
  ...joined(partition()),
  limit: 4,
  ...other,
});
const breaker = {
  dependency: 's3' as const,
  state: 'open' as const,
  sinceMs: 1,
  nextProbeAtMs: 2,
  cause: 'refused\nat somewhere',
};

describe('the state', () => {
  const stateOf = (state: ConsumerState, effective = withoutFlags, troubles: Trouble[] = []) =>
    describeState({ consumer: state, troubles, setAside: [], work: null, effective, flags: [] });

  test('of several halts every one is shown, each once', () => {
    const [first, second] = ['poison at 3', 'a right is missing'];
    const halted = consumer({
      partitions: [partition({ halts: [first, second] }), partition({ halts: [first] })],
    });
    expect(stateOf(halted).causes).toEqual([first, second]);
  });

  test('what a breaker and its partitions say is one cause', () => {
    const cause = 'connect ECONNREFUSED';
    const held = consumer({
      breakers: [{ ...breaker, cause }],
      partitions: [partition({ held: `s3: ${cause}` })],
    });
    expect(stateOf(held).causes).toEqual([cause]);
  });

  test('a producer that waits for its consumer is at work, and not held', () => {
    const pace = { cause: 'no room', isStuck: false, isPace: true };
    expect(stateOf(consumer(), withoutFlags, [pace])).toMatchObject({ state: 'idle', causes: [] });
  });

  test.each<[string, ConsumerState, object]>([
    ['nothing to do', consumer(), { state: 'idle', cause: null }],
    [
      'records before it',
      consumer({ partitions: [partition({ highWatermark: 11 })] }),
      { state: 'working' },
    ],
    [
      'records before it that nobody has fetched',
      consumer({ partitions: [partition({ logEnd: 11, intakeHold: 'draining' })] }),
      { state: 'working' },
    ],
    [
      'records that stand',
      consumer({ stalledMs: 30_000, stalledBy: 'not taken' }),
      { state: 'stalled', cause: 'not taken' },
    ],
    [
      'a Kafka that does not answer',
      consumer({ kafkaSilentBy: 'no answer' }),
      { state: 'held', cause: 'Kafka does not say what is left: no answer' },
    ],
    ['no membership', consumer({ joined: false }), { state: 'joining' }],
    ['an open breaker', consumer({ breakers: [breaker] }), { state: 'held', cause: 'refused' }],
    [
      'a partition that waits',
      consumer({ partitions: [partition({ held: 'brake: no' })] }),
      { state: 'held', cause: 'brake: no' },
    ],
    [
      'a halt, with anything else',
      consumer({ breakers: [breaker], partitions: [partition({ halts: ['bytes'] })] }),
      { state: 'halted', cause: 'bytes' },
    ],
  ])('with %s is said', (_, state, expected) => expect(stateOf(state)).toMatchObject(expected));

  test("an operator's decision comes before an unavailable dependency", () => {
    const state = consumer({ breakers: [breaker] });
    expect(stateOf(state, { ...withoutFlags, paused: true }).state).toBe('paused');
    expect(stateOf(state, { ...withoutFlags, dryRun: true }).state).toBe('dry-run');
  });

  test('a failure beside the consumer holds the process, or stops it until an operator looks', () => {
    const away = { cause: 'reading fails: away', isStuck: false };
    const stuck = { cause: 'reading fails: permission denied', isStuck: true };
    expect(stateOf(consumer(), withoutFlags, [away])).toEqual({
      state: 'held',
      cause: away.cause,
      causes: [away.cause],
    });
    expect(stateOf(consumer(), withoutFlags, [away, stuck])).toEqual({
      state: 'halted',
      cause: stuck.cause,
      causes: [stuck.cause],
    });
  });
});

test('the rate is that of the last 15 s, and what another holder did is not ours', () => {
  const meter = new RateMeter();
  const at = (doneBelow: number, nowMs: number, other = 0) =>
    meter.look([partition({ doneBelow, partition: other })], 'artifacts.expired', nowMs);
  expect(at(10, 0)).toBe(0);
  expect(at(110, 1_000)).toBe(100);
  expect(at(110, 5_000)).toBe(20);
  expect(at(9_000, 6_000, 1)).toBe(16.7);
  expect(at(9_000, 30_000, 1)).toBe(0);
});

const setUp = () => {
  const clock = new HandClock();
  const written: (InstanceStatus | null)[] = [];
  const server = { fails: false, state: consumer() };
  const lines: unknown[] = [];
  const troubles = new Troubles();
  const reporter = new StatusReporter({
    identity: {
      process: 'artifact-deleter',
      instance: 'pod-1',
      startedAtMs: 1,
      work: 'artifacts.expired',
    },
    steering: { effective: withoutFlags, flags: [] },
    troubles,
    setAside: { current: [] },
    write: (status) => {
      if (server.fails) return Promise.reject(new Error('no broker'));
      written.push(status);
      return Promise.resolve();
    },
    clock,
    logger: pino({}, { write: (line) => void lines.push(line) }),
  });
  reporter.begin(
    () => server.state,
    () => null,
  );
  return { reporter, clock, written, server, lines, troubles };
};

test('it is said at once, when the state changes, and every 15 s', async () => {
  const { clock, written, server } = setUp();
  await clock.tick();
  await clock.tick();
  expect(written).toMatchObject([{ state: 'idle', partitions: 1, concurrency: 4 }]);
  server.state = consumer({ breakers: [breaker] });
  await clock.tick();
  expect(written.slice(1)).toMatchObject([{ state: 'held', sinceMs: clock.ms, atMs: clock.ms }]);
  for (let second = 0; second < 15; second += 1) await clock.tick();
  expect(written).toHaveLength(3);
});

test('a trouble is said as soon as it is there, and its end', async () => {
  const { clock, written, troubles } = setUp();
  await clock.tick();
  troubles.set(clock, { cause: 'listing fails: permission denied', isStuck: true });
  await clock.tick();
  troubles.end(clock);
  await clock.tick();
  expect(written.map((status) => status?.state)).toEqual(['idle', 'halted', 'idle']);
  expect(written[1]?.cause).toBe('listing fails: permission denied');
});

test('counts that move are said every 5 s', async () => {
  const { clock, written, server } = setUp();
  for (let second = 0; second < 11; second += 1) {
    server.state = consumer({ partitions: [partition({ bufferedRecords: second + 1 })] });
    await clock.tick();
  }
  expect(written).toHaveLength(3);
});

test('an unavailable broker is logged once and costs nothing but freshness', async () => {
  const { reporter, clock, written, server, lines } = setUp();
  server.fails = true;
  await clock.tick();
  await clock.tick();
  server.fails = false;
  await clock.tick();
  expect([written.length, lines.length]).toEqual([1, 1]);
  await reporter.end();
  expect(written.at(-1)).toBeNull();
});
