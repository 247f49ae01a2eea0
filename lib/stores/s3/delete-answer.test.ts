import { assert, constantFrom, property, record, uniqueArray, string } from 'fast-check';
import { readDeleteAnswer } from './delete-answer';
import { S3Error } from './errors';

const codes = constantFrom('AccessDenied', 'InternalError', 'NoSuchKey', null);
const answers = uniqueArray(record({ key: string({ minLength: 1 }), code: codes }), {
  selector: ({ key }) => key,
  minLength: 1,
  maxLength: 20,
});
type Told = readonly { readonly key: string; readonly code: string | null }[];

const answerOf = (told: Told) => ({
  Deleted: told.filter(({ code }) => code === null).map(({ key }) => ({ Key: key })),
  Errors: told.flatMap(({ key, code }) => (code === null ? [] : [{ Key: key, Code: code }])),
});
const read = (told: Told, answer: Parameters<typeof readDeleteAnswer>[1]) =>
  readDeleteAnswer(
    told.map(({ key }) => key),
    answer,
    'DeleteObjects',
  );

test('an answer that lists every key counts, with any result for each', () => {
  assert(
    property(answers, (told) => {
      const failed = told.filter(({ code }) => code !== null && code !== 'NoSuchKey');
      expect(read(told, answerOf(told))).toEqual(failed);
    }),
  );
});

test('an answer that leaves out a key, names another, or one twice, says nothing', () => {
  const spoil = constantFrom<(told: Told) => object>(
    (told) => answerOf(told.slice(1)),
    (told) => answerOf([...told, { key: told.map(({ key }) => key).join('-') + '!', code: null }]),
    (told) => answerOf([...told, { key: told[0]!.key, code: 'AccessDenied' }]),
    (told) => ({ ...answerOf(told), Errors: [...answerOf(told).Errors, { Code: 'AccessDenied' }] }),
    (told) => ({ ...answerOf(told), Deleted: [...answerOf(told).Deleted, {}] }),
    () => ({}),
  );
  assert(
    property(answers, spoil, (told, spoiled) => {
      expect(() => read(told, spoiled(told))).toThrow(S3Error);
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
