/** The code under simulation: the project's own, or a copy of it into which a bug was planted. */
import { assignPartitions } from '../../lib/kafka/kafkajs/assigner';
import { StaleCommitError } from '../../lib/kafka/client-port';
import { KafkaJsClient } from '../../lib/kafka/kafkajs/client';
import { FailurePublisher } from '../../lib/runtime/failures/failure-publisher';
import { assertMayBegin } from '../../lib/runtime/membership-guard';
import { withRetryTopics } from '../../lib/runtime/subscription';
import { Runtime } from '../../lib/runtime/member/runtime';
import { UndecodableRecordError } from '../../lib/runtime/poison';

export interface Library {
  readonly Runtime: typeof Runtime;
  /** The runtime asks `instanceof`: the class must come from the same copy. */
  readonly StaleCommitError: typeof StaleCommitError;
  readonly UndecodableRecordError: typeof UndecodableRecordError;
  readonly assignPartitions: typeof assignPartitions;
  readonly KafkaJsClient: typeof KafkaJsClient;
  readonly assertMayBegin: typeof assertMayBegin;
  readonly FailurePublisher: typeof FailurePublisher;
  readonly withRetryTopics: typeof withRetryTopics;
}

export const ownLibrary: Library = {
  Runtime,
  StaleCommitError,
  UndecodableRecordError,
  assignPartitions,
  KafkaJsClient,
  assertMayBegin,
  FailurePublisher,
  withRetryTopics,
};
