import { LoggedNotes } from './logged-notes';

test('a reason is news once, and again when it is another one', () => {
  const notes = new LoggedNotes();
  const isNews = (buildId: number, reason: string) => notes.isNews(100, buildId, reason);
  expect(isNews(1, 'chunk 0 has 5 of 9 bytes')).toBe(true);
  expect(isNews(1, 'chunk 0 has 6 of 9 bytes')).toBe(false);
  expect(isNews(2, 'chunk 0 has 6 of 9 bytes')).toBe(true);
  expect(isNews(1, 'a row of GitLab stands in the way')).toBe(true);
  expect(isNews(1, 'chunk 0 has 5 of 9 bytes')).toBe(true);
});
