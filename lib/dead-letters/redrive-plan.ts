/** Plans a redrive of one topic: which dead letters it takes, and why it leaves the others. */
import type { DeadLetter } from './dead-letter';
import type { DeadLetterPlace } from './places';

interface RedriveRules {
  readonly place: DeadLetterPlace;
  /** Of the origin topic, at present. */
  readonly originPartitions: number;
  /** A dead letter that has been redriven so often is in a loop. */
  readonly redrivesMax: number;
  /** Redrives also those that are in a loop. */
  readonly force: boolean;
  /** Takes so many at most; refused letters do not count. */
  readonly limit: number;
}

interface Refused {
  readonly letter: DeadLetter;
  /** The end of the sentence "it is not redriven because …". */
  readonly because: string;
  /** Whether `force` would take it. */
  readonly isLoop: boolean;
}

export interface RedrivePlan {
  readonly place: DeadLetterPlace;
  /** In the order in which they are written back: by partition and offset. */
  readonly redrive: readonly DeadLetter[];
  readonly refused: readonly Refused[];
}

/** @param waiting those that match the filter and wait, by partition and offset. */
export function planRedrive(waiting: readonly DeadLetter[], rules: RedriveRules): RedrivePlan {
  const redrive: DeadLetter[] = [];
  const refused: Refused[] = [];
  for (const letter of waiting) {
    const refusal = refuse(letter, rules);
    if (refusal !== null) refused.push({ letter, ...refusal });
    else if (redrive.length < rules.limit) redrive.push(letter);
  }
  return { place: rules.place, redrive, refused };
}

/**
 * Any producer can write headers, so a redrive writes only to the topic that the group reads, and to an existing
 * partition.
 */
function refuse(
  { origin, redriveCount }: DeadLetter,
  { place, originPartitions, redrivesMax, force }: RedriveRules,
): Omit<Refused, 'letter'> | null {
  const because = (reason: string) => ({ because: reason, isLoop: false });
  if (origin === null) return because('its headers do not say where it came from');
  if (origin.topic !== place.originTopic) {
    return because(
      `it says that it came from ${origin.topic}, which ${place.group} does not read here`,
    );
  }
  if (origin.partition >= originPartitions) {
    return because(
      `${origin.topic} has ${originPartitions} partitions, and it came from partition ${origin.partition}`,
    );
  }
  if (redriveCount < redrivesMax || force) return null;
  return { because: `it came back after ${redriveCount} redrives`, isLoop: true };
}

/** One sentence for each reason, with the number of letters. */
export function describeRefused(refused: readonly Refused[]): string[] {
  return [...Map.groupBy(refused, ({ because }) => because)].map(
    ([because, own]) =>
      `${own.length} not redriven: ${because}${own[0]?.isLoop === true ? ' (--force redrives all the same; dlq park sets aside)' : ''}`,
  );
}
