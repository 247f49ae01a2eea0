import { assert, constantFrom, property, record, uniqueArray, string } from 'fast-check';
import { readDeleteAnswer } from './delete-answer';
import { S3Error } from './errors';

const codes = constantFrom('AccessDenied', 'InternalError', 'NoSuchKey', null);
const answers = uniqueArray(record({ key: string({ minLength: 1 }), code: codes }), {
  selector: ({ key }) => key,
  minLength: 1,
  maxLength: 20,
});
type Listed = readonly { readonly key: string; readonly code: string | null }[];

const answerOf = (listed: Listed) => ({
  Deleted: listed.filter(({ code }) => code === null).map(({ key }) => ({ Key: key })),
  Errors: listed.flatMap(({ key, code }) => (code === null ? [] : [{ Key: key, Code: code }])),
});
const read = (listed: Listed, answer: Parameters<typeof readDeleteAnswer>[1]) =>
  readDeleteAnswer(
    listed.map(({ key }) => key),
    answer,
    'DeleteObjects',
  );

test('an answer that lists every key counts, with any result for each', () => {
  assert(
    property(answers, (listed) => {
      const failed = listed.filter(({ code }) => code !== null && code !== 'NoSuchKey');
      expect(read(listed, answerOf(listed))).toEqual(failed);
    }),
  );
});

test('an answer that leaves out a key, names another, or one twice, says nothing', () => {
  const spoil = constantFrom<(listed: Listed) => object>(
    (listed) => answerOf(listed.slice(1)),
    (listed) =>
      answerOf([...listed, { key: listed.map(({ key }) => key).join('-') + '!', code: null }]),
    (listed) => answerOf([...listed, { key: listed[0]!.key, code: 'AccessDenied' }]),
    (listed) => ({
      ...answerOf(listed),
      Errors: [...answerOf(listed).Errors, { Code: 'AccessDenied' }],
    }),
    (listed) => ({ ...answerOf(listed), Deleted: [...answerOf(listed).Deleted, {}] }),
    () => ({}),
  );
  assert(
    property(answers, spoil, (listed, spoiled) => {
      expect(() => read(listed, spoiled(listed))).toThrow(S3Error);
    }),
  );
});

test.each([
  [['a', 'b'], 'IncompleteAnswer'],
  [['x', 'y'], 'UnexpectedAnswer'],
])('of two keys %j asked for, one of a and b answered: %s', (asked, code) => {
  const answer = { Deleted: [{ Key: 'a' }] };
  expect(() => readDeleteAnswer(asked, answer, 'DeleteObjects')).toThrow(
    expect.objectContaining({ failure: 'unavailable', code }) as Error,
  );
});
