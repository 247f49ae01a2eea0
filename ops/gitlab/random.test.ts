import { createRandom } from './random';

const sample = (seed: number): number[] => {
  const random = createRandom(seed);
  return Array.from({ length: 50 }, () => random.whole(0, 1_000_000));
};

test('one seed gives one sequence, another seed another', () => {
  expect(sample(7)).toEqual(sample(7));
  expect(sample(7)).not.toEqual(sample(8));
});

test('whole numbers reach both ends and nothing beyond', () => {
  const random = createRandom(1);
  const seen = new Set(Array.from({ length: 200 }, () => random.whole(3, 5)));
  expect([...seen].sort()).toEqual([3, 4, 5]);
});

test('a shuffle keeps every value', () => {
  const shuffled = createRandom(2).shuffle(Array.from({ length: 100 }, (_, index) => index));
  expect(shuffled).not.toEqual([...shuffled].sort((a, b) => a - b));
  expect([...shuffled].sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
});

test('hex has the asked length', () => {
  expect(createRandom(3).hex(60)).toMatch(/^[0-9a-f]{60}$/);
});

test('choosing from nothing is refused', () => {
  expect(() => createRandom(4).oneOf([])).toThrow(RangeError);
});
