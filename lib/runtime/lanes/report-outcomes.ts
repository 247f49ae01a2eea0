/** Callbacks for metrics: reports how the records of a micro-batch ended. */
import type { MicroBatch } from './micro-batch';
import type { RuntimeObserver } from '../observer';
import type { Outcome } from '../outcome';
import type { Settlement } from './batch-result';

export function tellOutcomes(
  observer: RuntimeObserver,
  topic: string,
  { records }: MicroBatch,
  { finished, unfinished, lettered, isHeld }: Settlement,
): void {
  const repeated = records.filter(({ maybeRepeated }) => maybeRepeated).length;
  if (repeated > 0) observer.repeated(topic, repeated);
  const count = (kind: Outcome['kind'], number: number): void => {
    if (number > 0) observer.settled(topic, kind, number);
  };
  count('done', finished.length - lettered);
  count(isHeld ? 'hold' : 'retry', unfinished.length);
}
