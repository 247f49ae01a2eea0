/** Callbacks for metrics: reports how the records of a micro-batch ended. */
import type { MicroBatch } from './micro-batch';
import type { RecordEnd, RuntimeObserver } from '../observer';
import type { BatchResult } from './batch-result';

export function reportOutcomes(
  observer: RuntimeObserver,
  topic: string,
  { records }: MicroBatch,
  { finished, unfinished, published, isHeld }: BatchResult,
): void {
  const repeated = records.filter(({ maybeRepeated }) => maybeRepeated).length;
  if (repeated > 0) observer.repeated(topic, repeated);
  const count = (end: RecordEnd, number: number): void => {
    if (number > 0) observer.settled(topic, end, number);
  };
  count('done', finished.length - published);
  count(isHeld ? 'hold' : 'retry', unfinished.length);
}
