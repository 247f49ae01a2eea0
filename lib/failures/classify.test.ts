import { BrakeError, ForeignRecordError } from '../brake/brake';
import { DatabaseHoldError } from '../brake/database-guard';
import { RegistryUnavailableError } from '../avro/registry';
import type { Dependency } from '../runtime/dependency';
import { RecordBusyError, WaitError } from '../runtime/record-errors';
import { UndecodableRecordError } from '../runtime/poison';
import { PostgresError } from '../stores/postgres/errors';
import { RedisError } from '../stores/redis/errors';
import { S3Error, type S3Failure } from '../stores/s3/errors';
import { classify, failurePolicy } from './classify';

const s3 = (failure: S3Failure, code: string, status?: number) =>
  new S3Error('x', failure, code, status, undefined);

const forbidden = 'TOPIC_AUTHORIZATION_FAILED';
/** As kafkajs wraps the error when its retries are used up. */
function ofKafka(name: string, type: string): Error {
  const cause = Object.assign(new Error('x'), { name, type });
  const error = new Error('x', { cause });
  error.name = 'KafkaJSNumberOfRetriesExceeded';
  return error;
}

test.each<[string, Error, Dependency]>([
  ['connection refused', new PostgresError('x', 'unavailable', undefined, undefined), 'postgres'],
  ['no answer in time', s3('unavailable', 'Timeout'), 's3'],
  ['an internal error', s3('unavailable', 'InternalError', 500), 's3'],
  ['a bucket that is gone', s3('refused', 'NoSuchBucket', 404), 's3'],
  ['credentials that have expired', s3('refused', 'ExpiredToken', 400), 's3'],
  ['Redis away', new RedisError('x', false, undefined), 'redis'],
  ['Redis refusing', new RedisError('x', true, undefined), 'redis'],
  ['the registry away', new RegistryUnavailableError('x'), 'registry'],
  ['the brake', new BrakeError('x'), 'brake'],
  ['a database that is not the one', new DatabaseHoldError('x'), 'brake'],
])('%s holds, for any record', (_, error, dependency) => {
  expect(classify(error)).toEqual({ kind: 'hold', dependency });
});

test.each([
  ['SlowDown', s3('unavailable', 'SlowDown', 503), 'overload'],
  ['429', s3('unavailable', 'Unknown', 429), 'overload'],
  ['one key denied', s3('refused', 'AccessDenied', 403), 'transient'],
  ['a deadlock', new PostgresError('x', 'repeat', '40P01', undefined), 'transient'],
  ['a trace that is being written', new RecordBusyError('x'), 'transient'],
  ['a cap', new WaitError('x'), 'wait'],
  ['Kafka away', ofKafka('KafkaJSConnectionError', ''), 'wait'],
  ['a topic that may not be written', ofKafka('KafkaJSProtocolError', forbidden), 'bug'],
  ['a record above the limit', ofKafka('KafkaJSProtocolError', 'MESSAGE_TOO_LARGE'), 'bug'],
  ['damaged bytes', new UndecodableRecordError('x', 'not-a-value'), 'poison'],
  ['a schema that the registry has lost', new UndecodableRecordError('x', null), 'bug'],
  ['a missing privilege', new PostgresError('x', 'other', '42501', undefined), 'bug'],
  ['a record of another database', new ForeignRecordError('x'), 'bug'],
  ['an unforeseen error', new TypeError('x'), 'bug'],
])('%s: %o is %s', (_, error, kind) => {
  expect(classify(error).kind).toBe(kind);
});

test('each group has its own topics, below the namespace', () => {
  const policy = failurePolicy('team-a.', 'artifact-deleter', ['s3']);
  expect(policy.deadLetters).toBe('team-a.artifacts.expired.artifact-deleter.dlq');
  expect(policy.retryTopics.map(({ topic }) => topic)).toEqual([
    'team-a.artifacts.expired.artifact-deleter.retry.30s',
    'team-a.artifacts.expired.artifact-deleter.retry.2m',
    'team-a.artifacts.expired.artifact-deleter.retry.10m',
  ]);
  expect(failurePolicy('', 'finished-builds', []).retryTopics).toEqual([]);
});
