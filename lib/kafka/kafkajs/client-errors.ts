/** Sorts the errors of kafkajs by what they mean for the runtime. */
import { StaleCommitError } from '../client-port';
import { asError } from '../../process/is-error';

const staleTypes = new Set(['ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID', 'REBALANCE_IN_PROGRESS']);

/** kafkajs has the type of a refusal on the error or on its cause, depending on who wrapped it. */
export function typeOf(thrown: Error): string {
  const error = thrown as { type?: string; cause?: { type?: string } };
  return error.cause?.type ?? error.type ?? '';
}

const unreachable = new Set([
  'KafkaJSConnectionError',
  'KafkaJSConnectionClosedError',
  'KafkaJSLockTimeout',
  'KafkaJSBrokerNotFound',
  'KafkaJSGroupCoordinatorNotFound',
  'TimeLimitError',
]);

/** The broker is gone, cannot be connected, or has not answered in time. */
export const isUnreachable = (error: Error): boolean => unreachable.has(error.name);

/** The broker is connected and does not answer. */
export const isSilence = (error: unknown): boolean => {
  const { name, code } = error as { name?: string; code?: string };
  return name === 'TimeLimitError' || code === 'ETIMEDOUT';
};

/** Waiting does not help: an operator has to create the topic. */
export const isTopicMissing = (error: Error): boolean =>
  typeOf(error) === 'UNKNOWN_TOPIC_OR_PARTITION';

export function asCommitError(thrown: unknown): Error {
  const error = asError(thrown);
  const type = typeOf(error);
  if (!staleTypes.has(type)) return error;
  return new StaleCommitError(`The group refused a commit: ${type}.`, { cause: error });
}
