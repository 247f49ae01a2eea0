import { assert, boolean, nat, property } from 'fast-check';
import type { ConsumerState } from '../runtime/consumer';
import { VirtualClock } from '../../test/support/memory/virtual-clock';
import type { Wish } from './record';
import { mustGiveWay, progressOf, watchReplay, type ReplayProgress } from './watch';

const ranges = new Map([
  [0, { from: 10, to: 20 }],
  [1, { from: 5, to: 5 }],
]);

const stateOf = (doneBelow: number | null, doneBeyond = 0): ConsumerState =>
  ({
    partitions: [
      { topic: 't', partition: 0, doneBelow, doneBeyond, halts: [] },
      { topic: 'control', partition: 0, doneBelow: 900, doneBeyond: 0, halts: ['not ours'] },
    ],
  }) as unknown as ConsumerState;

test.each([
  [null, 0, 0],
  [10, 0, 0],
  [12, 3, 5],
  [20, 0, 10],
  [25, 4, 10],
])('done below %j and %i beyond are %i records of 10', (doneBelow, beyond, done) => {
  const state = stateOf(doneBelow, beyond);
  expect(progressOf(state, { topic: 't', ranges })).toEqual({ done, total: 10, halts: [] });
});

test('live work goes first, and what gave way waits until half of the limit', () => {
  assert(
    property(boolean(), nat(3_000), nat(1_000), (before, lag, max) => {
      const gives = mustGiveWay(before, lag, max);
      if (lag > max) expect(gives).toBe(true);
      if (lag <= max / 2) expect(gives).toBe(false);
    }),
  );
});

describe('a watched replay', () => {
  type Answer = readonly [Wish, number | { readonly lag: Error }, number] | Error;
  const watch = (answers: readonly Answer[]) => {
    const clock = new VirtualClock();
    const held: boolean[] = [];
    const reports: ReplayProgress[] = [];
    let look = -1;
    const answer = () => {
      const one = answers[Math.min(look, answers.length - 1)]!;
      if (one instanceof Error) throw one;
      return one;
    };
    /** The consumer's own state needs no answer. */
    const done = () => {
      const one = answers[Math.min(look, answers.length - 1)]!;
      return one instanceof Error ? 11 : one[2];
    };
    const ended = watchReplay(
      { state: () => stateOf(done()), hold: (isHeld) => held.push(isHeld) },
      { topic: 't', ranges, liveLagMax: 100 },
      {
        clock,
        wish: async () => {
          look += 1;
          return Promise.resolve(answer()[0]);
        },
        liveLag: async () => {
          const lag = answer()[1];
          return typeof lag === 'number' ? Promise.resolve(lag) : Promise.reject(lag.lag);
        },
        tell: (progress) => reports.push(progress),
      },
      new AbortController().signal,
    );
    return { clock, held, reports, ended };
  };
  const run = async (answers: Parameters<typeof watch>[0]) => {
    const watched = watch(answers);
    for (let second = 0; second < answers.length; second += 1) await watched.clock.pass(1_000);
    return { ...watched, ending: await watched.ended };
  };

  test('is held by a pause and by live work, and ends with its range', async () => {
    const { held, reports, ending } = await run([
      ['run', 0, 11],
      ['pause', 0, 12],
      ['run', 101, 12],
      ['run', 51, 12],
      ['run', 50, 20],
    ]);
    expect(ending).toBe('done');
    expect(held).toEqual([false, true, true, true, false]);
    expect(reports.map(({ waitsFor }) => waitsFor)).toEqual([
      null,
      'paused by an operator',
      'live work goes first: 101 records of it are left',
      'live work goes first: 51 records of it are left',
      null,
    ]);
  });

  test('ends when it is cancelled, however much is left', async () => {
    expect((await run([['cancel', 0, 11]])).ending).toBe('cancelled');
  });

  test('goes on as before for half a minute without an answer, then begins nothing and says why', async () => {
    const silent = Array.from({ length: 32 }, () => new Error('connect ECONNREFUSED'));
    const { held, reports, ending } = await run([['run', 0, 11], ...silent, ['run', 0, 20]]);
    expect(held.indexOf(true)).toBe(30);
    expect(held.slice(30)).toEqual([true, true, true, false]);
    expect(reports[30]?.waitsFor).toMatch(/not known.*connect ECONNREFUSED/);
    expect(ending).toBe('done');
  });

  test('follows an operator while nobody can say how far the live group is', async () => {
    const unknown = { lag: new Error('not authorized') };
    const { held, ending } = await run([
      ['run', 0, 11],
      ['pause', unknown, 11],
      ['cancel', unknown, 11],
    ]);
    expect([held.slice(0, 2), ending]).toEqual([[false, true], 'cancelled']);
  });
});
