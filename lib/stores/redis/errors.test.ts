import { RedisError } from './errors';

const oom = "OOM command not allowed when used memory > 'maxmemory'.";

test.each([
  ['a command', `Redis at x refuses: ${oom}`, true, true],
  [
    'a script of 6.2',
    `ERR Error running script (call to f_1): @user_script:1: -${oom}`,
    true,
    true,
  ],
  ['a script of 7.0', `${oom} script: 98, on @user_script:1.`, true, true],
  ['another refusal', 'NOPERM no permissions', true, false],
  ['no answer', oom, false, false],
])('%s tells whether the server is full', (_name, message, isRefusal, isFull) => {
  expect(new RedisError(message, isRefusal, undefined).isFull).toBe(isFull);
});
