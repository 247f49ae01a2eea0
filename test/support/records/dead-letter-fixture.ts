/** Dead letters and their topics for the tests of lib/dead-letters. */
import type { DeadLetter } from '../../../lib/dead-letters/dead-letter';
import { deadLetterPlaces, type DeadLetterPlace } from '../../../lib/dead-letters/places';
import { writeFailure } from '../../../lib/runtime/failure-headers';
import type { OutgoingRecord } from '../../../lib/kafka/producer';
import { MemoryLog } from '../memory/memory-log';

/** artifact-deleter's, which has retry topics. */
export const place = deadLetterPlaces('a.').find(
  ({ group }) => group === 'a.artifact-deleter',
) as DeadLetterPlace;

export const aLetter = (over: Partial<DeadLetter> = {}): DeadLetter => ({
  ...{ topic: place.topic, partition: 0, offset: 0, timestampMs: 0, key: 'k', valueBytes: 1 },
  origin: { topic: place.originTopic, partition: 3, offset: 10, timestampMs: 0 },
  ...{ group: place.group, attempts: 1, firstFailureAtMs: 0, lastFailureAtMs: 0 },
  ...{ errorKind: 'transient', reason: null, errorClass: 'Error' },
  ...{ redriveId: null, redriveCount: 0, settled: null, decision: null },
  ...over,
});

/** A record of the dead-letter topic as the runtime writes it. */
export const aDeadRecord = (over: Partial<OutgoingRecord> = {}): OutgoingRecord => ({
  topic: place.topic,
  partition: 0,
  key: 'k',
  value: Buffer.from('v'),
  ...over,
  headers: {
    own: 'mine',
    ...writeFailure({
      origin: { topic: place.originTopic, partition: 3, offset: 10, timestampMs: 0 },
      ...{ group: place.group, attempts: 1, firstAtMs: 0, lastAtMs: 0, error: new Error('no') },
    }),
    ...over.headers,
  },
});

/** The topics of the place, with `count` dead letters in partition 0. */
export function aLog(count: number): MemoryLog {
  const retries = Object.fromEntries(place.retryTopics.map((topic) => [topic, 3]));
  const log = new MemoryLog({
    ...{ [place.topic]: 3, [place.parkedTopic]: 3, [place.originTopic]: 12 },
    ...retries,
  });
  for (let index = 0; index < count; index += 1) {
    log.append(aDeadRecord({ value: Buffer.from(`v${index}`) }));
  }
  return log;
}
