/** Runs all steps of an end, even after a failure: a skipped step would fail the next scenario. */

/**
 * Runs every step in order, also when an earlier one has failed.
 * @throws the one failure, or an AggregateError whose message has them all.
 */
export async function runAll(steps: readonly (() => unknown)[]): Promise<void> {
  const failures: Error[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (thrown) {
      failures.push(thrown instanceof Error ? thrown : new Error(String(thrown)));
    }
  }
  if (failures.length === 1) throw failures[0]!;
  if (failures.length === 0) return;
  throw new AggregateError(failures, failures.map(({ message }) => message).join('\n'));
}
