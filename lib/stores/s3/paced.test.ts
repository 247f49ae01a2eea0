import { array, assert, constantFrom, integer, property, record } from 'fast-check';
import { LimitedS3, type ProviderLimit } from '../../../test/support/memory/limited-s3';
import { seededRandom } from '../../../test/support/memory/queueing-store';
import { VirtualClock } from '../../../test/support/memory/virtual-clock';
import { S3Error } from './errors';
import { askPaced, deletePaced } from './paced';
import { RequestPace } from './request-pace';

const requestKeys = 1_000;

interface World {
  readonly clock: VirtualClock;
  readonly s3: LimitedS3;
  /** Requests that would be enough, if S3 granted each. */
  needed(): number;
}

/** Workers that always have a thousand more keys to delete; the `processes` do not know of each other. */
function flood(limit: Partial<ProviderLimit>, processes = 1, workers = 4, seed = 1): World {
  const clock = new VirtualClock();
  const random = seededRandom(seed);
  const latencyMs = (): number => 20 + 80 * random();
  const common = { perSecond: 3_500, burst: 3_500, refuses: 'request', latencyMs } as const;
  const s3 = new LimitedS3({ ...common, ...limit }, clock);
  const keys = Array.from({ length: requestKeys }, (_, index) => `key-${index}`);
  const work = async (pace: RequestPace): Promise<never> => {
    for (;;) {
      const ask = (left: readonly string[]) => s3.deleteObjects(left);
      await deletePaced(keys, { pace, clock, limitMs: 60_000, ask });
    }
  };
  for (let process = 0; process < processes; process += 1) {
    const pace = new RequestPace();
    for (let worker = 0; worker < workers; worker += 1) void work(pace);
  }
  return { clock, s3, needed: () => s3.deleted / requestKeys };
}

describe('a provider that grants 3,500 keys a second and answers SlowDown above', () => {
  test.each<[string, Partial<ProviderLimit>, number, number]>([
    ['whole requests, a second of burst', {}, 1, 4],
    ['whole requests, sixteen at once', {}, 1, 16],
    ['whole requests, hardly any burst', { burst: 1_200 }, 1, 4],
    ['whole requests, five seconds of burst', { burst: 17_500 }, 1, 4],
    ['single keys', { refuses: 'keys' }, 1, 4],
    ['single keys, sixteen at once', { refuses: 'keys', burst: 1_500 }, 1, 16],
    ['whole requests, asked by three processes', {}, 3, 4],
  ])('is used to nine tenths at least, with 1.2 requests a needed one (%s)', async (...given) => {
    const [, limit, processes, workers] = given;
    for (let seed = 1; seed <= 2; seed += 1) {
      const { clock, s3, needed } = flood(limit, processes, workers, seed);
      await clock.run(120_000);
      expect(s3.goodput(10_000, 120_000)).toBeGreaterThan(0.9 * 3_500);
      expect(s3.requests / needed()).toBeLessThan(1.2);
    }
  });
});

test('a limit that moves is followed, down and up', async () => {
  const { clock, s3 } = flood({});
  await clock.run(30_000);
  s3.perSecond = 700;
  await clock.run(90_000);
  expect(s3.goodput(50_000, 90_000)).toBeGreaterThan(0.9 * 700);
  s3.perSecond = 7_000;
  await clock.run(180_000);
  expect(s3.goodput(140_000, 180_000)).toBeGreaterThan(0.9 * 7_000);
});

test('nothing waits while nothing was refused, and a cap is kept from the beginning', () => {
  const waits = (pace: RequestPace): number[] =>
    [pace.take(1_000, 0), pace.take(1_000, 0), pace.take(1, 0)].map((turn) => pace.waitMs(turn, 0));
  expect(waits(new RequestPace())).toEqual([0, 0, 0]);
  expect(waits(new RequestPace({ perSecondMax: 500 }))).toEqual([0, 2_000, 2_002]);
});

test('for any answers, turns keep their order and the rate stays between its bounds', () => {
  const step = record({
    kind: constantFrom('take' as const, 'granted' as const, 'slowed' as const),
    keys: integer({ min: 1, max: 1_000 }),
    afterMs: integer({ min: 0, max: 5_000 }),
  });
  assert(
    property(array(step, { maxLength: 200 }), integer({ min: 100, max: 10_000 }), (steps, max) => {
      const pace = new RequestPace({ perSecondMax: max });
      const turns: number[] = [];
      let nowMs = 0;
      let came = 0;
      for (const { kind, keys, afterMs } of steps) {
        nowMs += afterMs;
        if (kind === 'granted') pace.granted(keys, nowMs);
        else if (kind === 'slowed') pace.slowedDown(keys, nowMs - 50, nowMs);
        else turns.push(pace.take(keys, nowMs));
        const waits = turns.map((turn) => pace.waitMs(turn, nowMs));
        expect(waits).toEqual(waits.toSorted((a, b) => a - b));
        // Deleted keys stay deleted, and the cap is never exceeded.
        const comeNow = waits.filter((ms) => ms === 0).length;
        expect(comeNow).toBeGreaterThanOrEqual(came);
        came = comeNow;
        const keysCome = turns[came - 1] ?? 0;
        expect(keysCome).toBeLessThanOrEqual(1_000 + (max * nowMs) / 1_000 + 1);
        expect(pace.perSecond(nowMs)).toBeGreaterThanOrEqual(10);
        expect(pace.perSecond(nowMs)).toBeLessThanOrEqual(max);
      }
    }),
  );
});

test('what fails for another reason comes back at once, and only what was put off is repeated', async () => {
  const clock = new VirtualClock();
  const asked: (readonly string[])[] = [];
  const ask = (keys: readonly string[]) => {
    asked.push(keys);
    const answer = [
      { key: 'b', code: 'SlowDown' },
      { key: 'c', code: 'AccessDenied' },
    ];
    return Promise.resolve(asked.length === 1 ? answer : []);
  };
  const options = { pace: new RequestPace(), clock, limitMs: 10_000, ask };
  const deleting = deletePaced(['a', 'b', 'c'], options);
  await clock.run(10_000);
  expect(await deleting).toEqual([{ key: 'c', code: 'AccessDenied' }]);
  expect(asked).toEqual([['a', 'b', 'c'], ['b']]);
});

test('what is put off for longer than the limit is the caller’s again', async () => {
  const clock = new VirtualClock();
  let requests = 0;
  const ask = (keys: readonly string[]) => {
    requests += 1;
    return Promise.resolve(keys.map((key) => ({ key, code: 'SlowDown' })));
  };
  const deleting = deletePaced(['a'], { pace: new RequestPace(), clock, limitMs: 1_000, ask });
  await clock.run(60_000);
  expect(await deleting).toEqual([{ key: 'a', code: 'SlowDown' }]);
  expect(requests).toBeLessThan(30);
});

test('a single write takes its turn, and its answer counts for those after it', async () => {
  const clock = new VirtualClock();
  const pace = new RequestPace();
  const slow = new S3Error('S3, PutObject: SlowDown', 'unavailable', 'SlowDown', 503, undefined);
  await expect(askPaced(pace, clock, () => Promise.reject(slow))).rejects.toBe(slow);
  expect(pace.perSecond(0)).toBeLessThan(100);
  let isSent = false;
  const sent = askPaced(pace, clock, () => Promise.resolve((isSent = true)));
  expect(isSent).toBe(false);
  await clock.run(1_000);
  expect(await sent).toBe(true);
});
