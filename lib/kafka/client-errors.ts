/** What kafkajs' errors mean for us. */
import { StaleCommitError } from './client-port';
import { asError } from './micro-batch';

const staleTypes = new Set(['ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID', 'REBALANCE_IN_PROGRESS']);

/** kafkajs has the type of a refusal on the error or on its cause, depending on who wrapped it. */
export function typeOf(thrown: Error): string {
  const error = thrown as { type?: string; cause?: { type?: string } };
  return error.cause?.type ?? error.type ?? '';
}

/** Waiting would not help: somebody has to create it. */
export const isTopicMissing = (error: Error): boolean =>
  typeOf(error) === 'UNKNOWN_TOPIC_OR_PARTITION';

export function asCommitError(thrown: unknown): Error {
  const error = asError(thrown);
  const type = typeOf(error);
  if (!staleTypes.has(type)) return error;
  return new StaleCommitError(`The group refused a commit: ${type}.`, { cause: error });
}
