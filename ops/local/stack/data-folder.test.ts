import { asJavaProperties } from './data-folder';

it('writes what Java would not read as it is by its number', () => {
  expect(asJavaProperties('log.dirs=/tmp/Bücher 構築/😀\n')).toBe(
    'log.dirs=/tmp/B\\u00fccher \\u69cb\\u7bc9/\\ud83d\\ude00\n',
  );
  expect(asJavaProperties('log.dirs=/tmp/plain\n')).toBe('log.dirs=/tmp/plain\n');
});
