import { MembershipLease } from './membership-lease';

function leased() {
  const clock = { nowMs: 50_000 };
  return { clock, lease: new MembershipLease(9_000, () => clock.nowMs) };
}

test('nothing is proved before the first answer', () => {
  expect(leased().lease.holds).toBe(false);
});

test('a proof counts from its sending, for two thirds of the session', () => {
  const { clock, lease } = leased();
  expect(lease.prove(50_000)).toBe(true);
  clock.nowMs = 55_999;
  expect(lease.holds).toBe(true);
  clock.nowMs = 56_000;
  expect(lease.holds).toBe(false);
});

test('an answer that came too late proves nothing', () => {
  const { clock, lease } = leased();
  clock.nowMs = 56_000;
  expect(lease.prove(50_000)).toBe(false);
  expect(lease.holds).toBe(false);
});

test('an older proof does not shorten a newer one, and only the end of a gap is reported', () => {
  const { clock, lease } = leased();
  lease.prove(50_000);
  clock.nowMs = 52_000;
  expect(lease.prove(51_000)).toBe(false);
  expect(lease.prove(49_000)).toBe(false);
  clock.nowMs = 56_999;
  expect(lease.holds).toBe(true);
});

test('what the group has said no to is over at once', () => {
  const { lease } = leased();
  lease.prove(50_000);
  lease.revoke();
  expect(lease.holds).toBe(false);
});
