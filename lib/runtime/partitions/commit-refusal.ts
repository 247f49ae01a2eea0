/**
 * Whether a failed commit means that the group answers, and cannot accept a commit for now.
 *
 * Then the committer only has to wait. Any other error may be ours: a connection to a broker that is not the
 * coordinator any more fails for ever.
 */
import { typeOf } from '../../kafka/kafkajs/client-errors';

const unable = new Set([
  'COORDINATOR_NOT_AVAILABLE',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'COORDINATOR_LOAD_IN_PROGRESS',
  'GROUP_LOAD_IN_PROGRESS',
  'NOT_ENOUGH_REPLICAS',
  'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
  'REQUEST_TIMED_OUT',
  'GROUP_AUTHORIZATION_FAILED',
  'TOPIC_AUTHORIZATION_FAILED',
  'OFFSET_METADATA_TOO_LARGE',
]);

export const isGroupUnable = (error: Error): boolean => unable.has(typeOf(error));
