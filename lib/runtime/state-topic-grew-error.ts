/** The error for a state topic that got more partitions: a key's next record would lie elsewhere than its last one. */
class StateTopicGrewError extends Error {
  override readonly name = 'StateTopicGrewError';

  constructor(topic: string, partition: number) {
    super(
      `${topic} has a partition ${partition} that did not exist when this process started. It is compacted and must ` +
        'never grow, for a key would move away from its latest value. The process ends: every instance must use ' +
        'the same number. After a restart, sweeps whose key has moved begin anew, which repeats and loses nothing.',
    );
  }
}

/**
 * @param known how many partitions the process relies on.
 * @returns the subscription's callback for an assigned partition.
 */
export const endWhenGrown =
  (topic: string, known: number, onFatal: (error: Error) => void) =>
  (partition: number): void => {
    if (partition >= known) onFatal(new StateTopicGrewError(topic, partition));
  };
