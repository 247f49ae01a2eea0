import { createPlainProgress, describeRate, describeSeconds } from './progress';

describe('the rate', () => {
  it('tells how much a second and how long it still takes', () => {
    expect(describeRate(10_000, 25_000, 2_500)).toBe('4,000/s, 4 s left');
  });

  it('is empty before anything is done', () => {
    expect(describeRate(0, 100, 1_000)).toBe('');
  });

  it('promises no time when the total is unknown or reached, or hardly anything is done', () => {
    expect(describeRate(1, 100, 1_000)).toBe('1.0/s');
    expect(describeRate(50, undefined, 1_000)).toBe('50/s');
    expect(describeRate(5, 5, 1_000)).toBe('5.0/s');
  });

  it('is shown in the unit that fits', () => {
    expect([59.2, 600, 10_000].map(describeSeconds)).toEqual(['60 s', '10 min', '3 h']);
  });
});

describe('plain lines', () => {
  it('come when work begins, every five seconds, and when it ends', () => {
    const lines: string[] = [];
    let nowMs = 0;
    const bar = createPlainProgress(
      (line) => lines.push(line),
      () => nowMs,
    ).bar('deleting', 9_000, 'artifacts');
    for (const done of [1_000, 2_000, 3_000, 4_000, 5_000, 6_000]) {
      nowMs += 1_000;
      bar.update(done);
    }
    bar.finish('done');
    expect(lines).toEqual([
      'deleting: 9,000 artifacts',
      'deleting: 5,000 of 9,000 artifacts, 1,000/s, 4 s left',
      'deleting: done, 6 s',
    ]);
  });
});
