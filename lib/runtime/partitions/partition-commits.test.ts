import { OffsetTracker } from './offset-tracker';
import { PartitionCommits } from './partition-commits';

const tracked = (...done: readonly number[]): OffsetTracker => {
  const tracker = new OffsetTracker(10);
  for (let offset = 10; offset < 20; offset += 1) tracker.take(offset);
  for (const offset of done) tracker.finish(offset);
  return tracker;
};

test('a commit counts when the group has accepted it, not when it was sent', () => {
  const commits = new PartitionCommits();
  commits.begin(10);
  const tracker = tracked(10, 11);
  const commit = commits.next(tracker, 0)!;
  expect(commit.offset).toBe(12);
  commits.noteSent(commit);
  expect([commits.sent, commits.accepted, commits.isBehind(tracker)]).toEqual([12, 10, true]);
  commits.noteAccepted(commit);
  expect([commits.accepted, commits.next(tracker, 1)]).toEqual([12, null]);
});

test('what is done while a commit is under way is in the next one', () => {
  const commits = new PartitionCommits();
  const tracker = tracked(10);
  const first = commits.next(tracker, 0)!;
  tracker.finish(11);
  commits.noteAccepted(first);
  expect(commits.next(tracker, 0)?.offset).toBe(12);
});

test('the age in the commit map begins anew when the oldest unfinished record is another one', () => {
  const commits = new PartitionCommits();
  const tracker = tracked(12);
  expect(commits.next(tracker, 5_000)?.metadata).toContain('age=0s');
  expect(commits.next(tracker, 9_000)?.metadata).toContain('age=4s');
  tracker.finish(10);
  expect(commits.next(tracker, 12_000)?.metadata).toContain('age=0s');
});
