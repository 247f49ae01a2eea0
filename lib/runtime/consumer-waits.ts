/** What a consumer waits for, in sentences for /readyz and the status. Pure. */
import type { ConsumerState } from './consumer';

const causeLengthMax = 500;
/** A cause, cut to the length that a status line holds. */
export const brief = (cause: string): string => cause.slice(0, causeLengthMax);

/** The names of what the consumer waits for. */
export function consumerWaits({ partitions, kafkaSilentBy, membership }: ConsumerState): string[] {
  const silent =
    kafkaSilentBy === null ? [] : [`Kafka does not say what is left: ${kafkaSilentBy}`];
  const { commitsWaitFor } = membership;
  const commits = commitsWaitFor === null ? [] : [`Kafka accepts no commits: ${commitsWaitFor}`];
  return [...silent, ...commits, ...partitions.flatMap(({ held }) => held ?? [])].map(brief);
}
