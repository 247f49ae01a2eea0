import { exitCodeOf } from '../service/exit-code-of';
import { exitCodes } from './exit-codes';
import { isUntrusted, untrusted } from './untrusted';
import { translateError } from '../stores/s3/errors';

const failed = (code: string, message = 'x'): Error => Object.assign(new Error(message), { code });
const inFetch = new TypeError('fetch failed', { cause: failed('DEPTH_ZERO_SELF_SIGNED_CERT') });
const kafka = Object.assign(failed('SELF_SIGNED_CERT_IN_CHAIN'), {
  name: 'KafkaJSConnectionError',
});

test.each([
  ['an unknown authority', failed('UNABLE_TO_VERIFY_LEAF_SIGNATURE')],
  ['a certificate of another host', failed('ERR_TLS_CERT_ALTNAME_INVALID')],
  ['one that has expired', failed('CERT_HAS_EXPIRED')],
  ['one that fetch met', inFetch],
  ['one that a broker shows', kafka],
  ['one of which only the words are left', new Error('connect: self-signed certificate')],
  ['one that S3 shows', translateError(failed('SELF_SIGNED_CERT_IN_CHAIN'), 'reading', 1)],
])('%s is a setting, and no silence', (_, error) => {
  expect(isUntrusted(error)).toBe(true);
  expect(exitCodeOf(error)).toBe(exitCodes.configuration);
  expect(untrusted('S3 at x', error).message).toMatch(/^S3 at x answers with a certificate that/);
});

test.each([
  ['a refused connection', failed('ECONNREFUSED')],
  ['a broken one', failed('EPROTO')],
])('%s is not', (_, error) => {
  expect(isUntrusted(error)).toBe(false);
});

test('S3 behind an unknown authority is unfit: waiting does not help', () => {
  const error = translateError(failed('SELF_SIGNED_CERT_IN_CHAIN', 'self-signed'), 'reading', 1);
  expect([error.failure, error.message]).toEqual([
    'unfit',
    'S3, reading: SELF_SIGNED_CERT_IN_CHAIN: self-signed',
  ]);
});

test('a message that says no more than its code is not said twice', () => {
  const refused = Object.assign(new Error('Invalid Request.'), {
    name: 'InvalidRequest',
    $metadata: { httpStatusCode: 400 },
  });
  expect(translateError(refused, 'deleting', 1).message).toBe('S3, deleting: InvalidRequest');
});
