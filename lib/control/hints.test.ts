import { breakerHint } from '../../test/support/records/control';
import { Hints, OwnHints, hintForMs, type OwnBreaker } from './hints';

const own = 'artifact-deleter/a';
const open = (dependency: string, cause = 'refused'): OwnBreaker => ({
  dependency,
  state: 'open',
  cause,
});

describe('what others say', () => {
  test('is known until its end, or until it is taken back', () => {
    const hints = new Hints(own);
    const s3 = breakerHint('artifact-deleter/b', 's3', 5_000);
    const redis = breakerHint('trace-archiver/c', 'redis', 9_000);
    expect(hints.put(s3.value, s3.key)).toMatchObject({ dependency: 's3', untilMs: 5_000 });
    hints.put(redis.value, redis.key);
    expect(hints.current(4_999).map(({ dependency }) => dependency)).toEqual(['s3', 'redis']);
    expect(hints.current(5_000).map(({ dependency }) => dependency)).toEqual(['redis']);
    expect(hints.put(null, redis.key)).toBeNull();
    expect(hints.current(5_000)).toEqual([]);
  });

  test('is no news when we said it ourselves, or when it is no hint', () => {
    const hints = new Hints(own);
    const ours = breakerHint(own, 's3', 5_000);
    expect(hints.put(ours.value, ours.key)).toBeNull();
    expect(hints.put(ours.value, 'flag/all/pause')).toBeNull();
    expect(hints.current(0)).toEqual([]);
  });
});

describe('what we say', () => {
  const say = (hints: OwnHints, breakers: OwnBreaker[], nowMs: number) => {
    const due = hints.due(breakers, nowMs);
    for (const one of due) hints.written(one);
    return due;
  };

  test('begins with an open breaker, is renewed, and is taken back when it closes', () => {
    const hints = new OwnHints(own);
    const key = `breaker/s3/${own}`;
    expect(say(hints, [open('s3')], 0)).toEqual([
      {
        key,
        hint: { dependency: 's3', owner: own, state: 'open', untilMs: hintForMs, cause: 'refused' },
      },
    ]);
    expect(say(hints, [open('s3')], hintForMs / 2 - 1)).toEqual([]);
    expect(say(hints, [open('s3')], hintForMs / 2)).toMatchObject([
      { hint: { untilMs: 1.5 * hintForMs } },
    ]);
    expect(say(hints, [], hintForMs)).toEqual([{ key, hint: null }]);
    expect(say(hints, [], hintForMs)).toEqual([]);
  });

  test('is said again as long as it could not be written', () => {
    const hints = new OwnHints(own);
    expect(hints.due([open('s3')], 0)).toHaveLength(1);
    expect(hints.due([open('s3')], 1)).toHaveLength(1);
  });

  test('names the cause in one short line', () => {
    const cause = `${'x'.repeat(300)}\nat somewhere`;
    expect(say(new OwnHints(own), [open('s3', cause)], 0)[0]?.hint?.cause).toHaveLength(200);
  });
});
