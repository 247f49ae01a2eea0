import { Rates } from './rates';

test('a rate needs two readings, and forgets what is older than its window', () => {
  const rates = new Rates();
  rates.look(0, { a: 0 });
  expect(rates.perSecond('a')).toBeNull();
  rates.look(10_000, { a: 100 });
  expect(rates.perSecond('a')).toBe(10);
  rates.look(25_000, { a: 130 });
  expect(rates.perSecond('a')).toBe(2);
});

test('a counter that was not read for a moment, or was made anew, has no wrong rate', () => {
  const rates = new Rates();
  rates.look(0, { a: 50 });
  rates.look(2_000, {});
  rates.look(4_000, { a: 10 });
  expect(rates.perSecond('a')).toBe(0);
  expect(rates.perSecond('b')).toBeNull();
});
