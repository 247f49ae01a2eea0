import { matcherOf } from './name-list';

test('a list matches whole names only, in upper or lower case', () => {
  const matches = matcherOf('public[.]a,public[.]b[.](id|name)');
  expect(['public.a', 'PUBLIC.A', 'public.b.id'].every(matches)).toBe(true);
  expect(['public.ab', 'xpublic.a', 'public.b.ids', ''].some(matches)).toBe(false);
  expect(matcherOf(undefined)('public.a')).toBe(false);
});
