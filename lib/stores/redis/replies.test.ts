import { isRefusalByRole } from './errors';
import { asBytesOrNil, asInteger, asList, asOneOf } from './replies';

const odd = [undefined, 'QUEUED', {}, NaN, [1]];

test.each(odd)('%p is no reply to any of our commands', (reply) => {
  expect(() => asInteger(reply, 'PTTL')).toThrow(/^Redis answers PTTL with something else/);
  expect(() => asOneOf(reply, ['OK', null], 'SET')).toThrow(/than OK or nil/);
  expect(() => asBytesOrNil(reply, 'GET')).toThrow(/bytes or nil/);
  expect(() => asList(reply, 2, 'a pipeline')).toThrow(/a list of 2/);
});

test('what a command may reply passes', () => {
  expect(asInteger(-2, 'PTTL')).toBe(-2);
  expect([asOneOf('OK', ['OK', null], 'SET'), asOneOf(null, ['OK', null], 'SET')]).toEqual([
    'OK',
    null,
  ]);
  expect(asBytesOrNil(null, 'GET')).toBeNull();
  expect(asList([1, 2], 2, 'a pipeline')).toEqual([1, 2]);
});

test.each([
  ["READONLY You can't write against a read only replica.", true],
  [
    "ERR Error running script (call to f_1): @user_script:9: @user_script: 9: -READONLY You can't write against a read only replica.",
    true,
  ],
  ['LOADING Redis is loading the dataset in memory', true],
  ["MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", true],
  ['MOVED 8136 127.0.0.1:7001', true],
  ["OOM command not allowed when used memory > 'maxmemory'.", false],
  ['WRONGPASS invalid username-password pair or user is disabled.', false],
  ['WRONGTYPE Operation against a key holding the wrong kind of value', false],
])('%s: another connection may help: %p', (message, helps) => {
  expect(isRefusalByRole(message)).toBe(helps);
});
