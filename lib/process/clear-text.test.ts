import { ConfigError } from './config';
import { refuseClearText, type Sending } from './clear-text';

const refuse = (change: Partial<Sending>) => () =>
  refuseClearText({
    passwords: undefined,
    hosts: ['10.0.0.7'],
    why: 'REDIS_PASSWORD_FILE is set and REDIS_TLS_CA_FILE is not',
    instead: 'Set REDIS_TLS_CA_FILE',
    ...change,
  });

test('a password does not go to another machine in clear text, unless it is said on purpose', () => {
  expect(refuse({})).toThrow(ConfigError);
  expect(refuse({ passwords: 'refuse' })).toThrow(
    'REDIS_PASSWORD_FILE is set and REDIS_TLS_CA_FILE is not: the password would be sent in clear text. Set REDIS_TLS_CA_FILE, or say CLEAR_TEXT_PASSWORDS=allow.',
  );
  expect(refuse({ hosts: ['127.0.0.1', 'redis.example'] })).toThrow(ConfigError);
  expect(refuse({ hosts: ['127.0.0.1', 'localhost'] })).not.toThrow();
  expect(refuse({ passwords: 'allow' })).not.toThrow();
});
