/**
 * The one place that classifies an error. It asks in this order: is a dependency unavailable? does it ask for less
 * load? is it this record at this moment? is it the record's own bytes? Any other error is a bug or unforeseen, and no
 * record is removed for it.
 */
import { BrakeError, ForeignRecordError } from '../brake/brake';
import { DatabaseHoldError } from '../brake/database-guard';
import { RegistryUnavailableError } from '../avro/registry';
import type { Dependency } from '../runtime/dependency';
import type { FailurePolicy, FailureClass } from '../runtime/failure-policy';
import { RecordBusyError, WaitError } from '../runtime/record-errors';
import { failureGroups, failureTopics, retryDelays } from '../kafka/topics/topics';
import { UndecodableRecordError } from '../runtime/poison';
import { PostgresError } from '../stores/postgres/errors';
import { RedisError } from '../stores/redis/errors';
import { concernsEveryRequest, isSlowDown, S3Error } from '../stores/s3/errors';

const transient: FailureClass = { kind: 'transient' };
const bug: FailureClass = { kind: 'bug' };
const hold = (dependency: Dependency): FailureClass => ({ kind: 'hold', dependency });

export function classify(error: Error): FailureClass {
  if (error instanceof PostgresError) return ofPostgres(error);
  if (error instanceof S3Error) return ofS3(error);
  // A refusal of Redis (a password, a replica that only reads) concerns every record alike.
  if (error instanceof RedisError) return hold('redis');
  if (error instanceof RegistryUnavailableError) return hold('registry');
  // A record from elsewhere must not stop the others; a wrong database must.
  if (error instanceof ForeignRecordError) return bug;
  if (error instanceof BrakeError || error instanceof DatabaseHoldError) return hold('brake');
  return ofRecord(error);
}

function ofRecord(error: Error): FailureClass {
  if (error instanceof WaitError) return { kind: 'wait', patienceMs: error.patienceMs };
  if (error instanceof RecordBusyError) return transient;
  if (error instanceof UndecodableRecordError) {
    return error.poison === null ? bug : { kind: 'poison', reason: error.poison };
  }
  // An error of our own producer: kafkajs has tried for half a minute already.
  return error.name.startsWith('KafkaJS') && !isRefused(error) ? { kind: 'wait' } : bug;
}

const tooLarge = ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'];

/** Only an operator can grant a privilege or raise a topic's limit, so an operator must see it. */
function isRefused(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { type = '' } = error as { type?: string };
  return (
    type.endsWith('_AUTHORIZATION_FAILED') || tooLarge.includes(type) || isRefused(error.cause)
  );
}

function ofPostgres({ failure }: PostgresError): FailureClass {
  if (failure === 'unavailable') return hold('postgres');
  return failure === 'repeat' ? transient : bug;
}

function ofS3(error: S3Error): FailureClass {
  if (isSlowDown(error.code, error.httpStatus)) return { kind: 'overload', dependency: 's3' };
  return concernsEveryRequest(error) ? hold('s3') : transient;
}

type FailureGroup = (typeof failureGroups)[number]['group'];

/**
 * @param namespace empty, or a prefix like `team-a.`.
 * @param needs while the breaker of one of these is open, the group's partitions wait.
 * @throws Error for a group that `failureGroups` does not know.
 */
export function failurePolicy(
  namespace: string,
  group: FailureGroup,
  needs: readonly Dependency[],
): FailurePolicy {
  const known = failureGroups.find((one) => one.group === group);
  if (!known) throw new Error(`${group} has no topics for its failures.`);
  const { topic, retries } = known;
  return {
    needs,
    classify,
    retryTopics: retries
      ? retryDelays.map((delay) => ({
          topic: `${namespace}${failureTopics.retry(topic, group, delay)}`,
          delayMs: delay.ms,
        }))
      : [],
    deadLetters: `${namespace}${failureTopics.deadLetters(topic, group)}`,
  };
}
