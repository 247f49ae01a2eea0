import { duePage, partitionIdsOf, tiePage } from './expired-artifacts';

test('the ids of a partition are read from its bound', () => {
  expect(partitionIdsOf('a', "FOR VALUES IN ('100', '101')")).toEqual([100, 101]);
  expect(partitionIdsOf('a', 'FOR VALUES IN (102)')).toEqual([102]);
});

test.each([
  'DEFAULT',
  "FOR VALUES IN ('100', NULL)",
  "FOR VALUES FROM ('1') TO ('9')",
  "FOR VALUES IN ('1); DROP TABLE x')",
])('%s is refused with the partition’s name', (bound) => {
  expect(() => partitionIdsOf('public.a', bound)).toThrow(/public\.a .* cannot be swept/);
});

test('each list of ids and each length of page is a statement of its own', () => {
  const names = [
    duePage([100, 101], 10, 'after'),
    duePage([100], 10, 'after'),
    duePage([100, 101], 11, 'after'),
    tiePage([100, 101], 10, 'after'),
    duePage([100, 101], 10, 'from'),
  ].map(({ name }) => name);
  expect(new Set(names).size).toBe(5);
  // PostgreSQL keeps 63 characters of a name: longer ones would be taken for each other.
  for (const name of names) expect(name.length).toBeLessThan(64);
});

test('only whole numbers become literals', () => {
  expect(duePage([100, 101], 10, 'after').text).toContain('partition_id IN (100, 101)');
  expect(() => duePage([1.5], 10, 'after')).toThrow('no integer ids');
  expect(() => tiePage([], 10, 'after')).toThrow('no integer ids');
});
