import { endWhenGrown } from './state-topic-grew-error';

test('a process that meets a partition of its state that it does not know ends, and says which', () => {
  const fatal: string[] = [];
  const assigned = endWhenGrown('afterbuild.progress', 12, ({ message }) => fatal.push(message));
  for (const partition of [0, 11]) assigned(partition);
  expect(fatal).toEqual([]);
  assigned(12);
  expect(fatal).toEqual([
    expect.stringMatching(/^afterbuild\.progress has a partition 12 .* must never grow/),
  ]);
});
