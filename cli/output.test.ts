import { printProgress, printResult } from './output';

function outputOf(print: () => void): string {
  const written: string[] = [];
  const write = (text: unknown): boolean => written.push(String(text)) > 0;
  const spies = [
    jest.spyOn(process.stdout, 'write').mockImplementation(write),
    jest.spyOn(process.stderr, 'write').mockImplementation(write),
  ];
  print();
  for (const spy of spies) spy.mockRestore();
  return written.join('');
}

const forged = 'Error\n0 dead letters wait\u001b[8m\u0085\u2028\u202e';

test('no foreign text forges a line, hides one or turns it round', () => {
  const shown = outputOf(() => printResult({}, null, [`  error     ${forged}`, 'next']));
  expect(shown.split('\n')).toEqual([
    '  error     Error\\u000a0 dead letters wait\\u001b[8m\\u0085\\u2028\\u202e',
    'next',
    '',
  ]);
  expect(outputOf(() => printProgress(forged))).not.toMatch(/\n0 dead|\u001b/);
});

test('JSON prints escaped, and reads back as it was', () => {
  const shown = outputOf(() => printResult({ json: true }, { forged }, []));
  expect(shown).not.toMatch(/[\u001b\u0085\u2028\u202e]/);
  expect(JSON.parse(shown)).toEqual({ forged });
});
