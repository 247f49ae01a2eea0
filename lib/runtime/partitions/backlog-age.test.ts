import { BacklogAge } from './backlog-age';

test('what lay there when the partition became ours is known since then, until it is fetched', () => {
  const unfetched = new BacklogAge(100, 1_000);
  expect(unfetched.sinceMs(40)).toBe(1_000);
  unfetched.took(70, 150, 2_000);
  expect(unfetched.sinceMs(70)).toBe(1_000);
  unfetched.took(100, 160, 3_000);
  expect(unfetched.sinceMs(100)).toBe(3_000);
  unfetched.took(160, 160, 4_000);
  expect(unfetched.sinceMs(160)).toBeNull();
});

test('what comes while nothing is fetched is known since the first look at it', () => {
  const unfetched = new BacklogAge(100, 1_000);
  unfetched.took(100, 100, 2_000);
  unfetched.looked(100, 100, 3_000);
  expect(unfetched.sinceMs(100)).toBeNull();
  unfetched.looked(100, 110, 4_000);
  unfetched.looked(100, 120, 9_000);
  expect(unfetched.sinceMs(100)).toBe(4_000);
});

test('an empty partition holds nothing', () => {
  expect(new BacklogAge(0, 1_000).sinceMs(0)).toBeNull();
});
