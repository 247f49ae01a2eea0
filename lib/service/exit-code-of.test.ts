import { BrakeError } from '../brake/brake';
import { TopicGoneError } from '../kafka/client-port';
import { S3Error } from '../stores/s3/errors';
import { PostgresError } from '../stores/postgres/errors';
import { exitCodeOf } from './exit-code-of';
import { exitCodes } from '../process/exit-codes';
import { UnreachableError } from '../process/unreachable-error';

const refused = new S3Error('x', 'refused', 'NoSuchBucket', 404, null);
const unled = Object.assign(new Error('x'), { type: 'NOT_LEADER_FOR_PARTITION' });
const silent = new S3Error('x', 'unavailable', 'ECONNREFUSED', undefined, null);

test.each<[string, unknown, number]>([
  ['the brake', new BrakeError('x'), exitCodes.configuration],
  ['a topic that was deleted', new TopicGoneError([], new Error('x')), exitCodes.configuration],
  ['what S3 refuses', refused, exitCodes.configuration],
  ['an S3 that does not answer', silent, exitCodes.unreachable],
  ['a partition without a leader', unled, exitCodes.unreachable],
  ['a server that was waited for', new UnreachableError('x'), exitCodes.unreachable],
  ['a wrapped one', new Error('x', { cause: new Error('y', { cause: silent }) }), 4],
  ['a statement that is wrong', new PostgresError('x', 'other', '42601', null), exitCodes.failed],
  ['a bug', new TypeError('x'), exitCodes.failed],
  ['no error at all', 'x', exitCodes.failed],
])('%s has its exit code', (_, error, expected) => {
  expect(exitCodeOf(error)).toBe(expected);
});
