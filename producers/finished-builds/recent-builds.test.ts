import { RecentBuilds } from './recent-builds';

test('a build is known until as many others have come as memory is given', () => {
  const recent = new RecentBuilds(2);
  recent.add('a');
  recent.add('b');
  expect([recent.has('a'), recent.has('b'), recent.has('c')]).toEqual([true, true, false]);
  recent.add('c');
  expect([recent.has('a'), recent.has('b'), recent.has('c')]).toEqual([false, true, true]);
});

test('a build that comes again counts as new', () => {
  const recent = new RecentBuilds(2);
  for (const key of ['a', 'b', 'a', 'c']) recent.add(key);
  expect([recent.has('a'), recent.has('b')]).toEqual([true, false]);
});
