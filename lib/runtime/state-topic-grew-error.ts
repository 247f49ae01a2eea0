/** More partitions on a topic whose latest records are state: a key's next record lies elsewhere than its last one. */
export class StateTopicGrewError extends Error {
  override readonly name = 'StateTopicGrewError';

  constructor(topic: string, partition: number) {
    super(
      `${topic} has a partition ${partition} that it had not when this process started. It is compacted and must ` +
        'never grow, for a key would move away from its latest value. The process ends: every instance has to go ' +
        'by the same number. After a restart sweeps whose key has moved begin anew, which repeats and loses nothing.',
    );
  }
}

/**
 * @param known how many partitions the process goes by.
 * @returns what a subscription does when a partition is assigned.
 */
export const endWhenGrown =
  (topic: string, known: number, onFatal: (error: Error) => void) =>
  (partition: number): void => {
    if (partition >= known) onFatal(new StateTopicGrewError(topic, partition));
  };
