/** The dry run: looks up and reports what would be deleted, and changes nothing. */
import { type Outcome, retry } from '../../lib/runtime/outcome';
import { WaitError } from '../../lib/runtime/record-errors';
import type { Logger } from '../../lib/process/logger';
import { type Item, statementsOf } from './decide';
import type { ArtifactRows } from './ports';

interface DryRunOptions {
  readonly rows: Pick<ArtifactRows, 'findDue'>;
  readonly rowsMax: number;
  readonly logger: Logger;
}

/** The same handler works on retry topics, which have partitions and offsets of their own. */
interface Place {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/** The end of a dry run is noticed within the five seconds that the documentation of flags promises. */
const lookAgainMs = 2_000;

/**
 * Called again and again while the flag is set: each record is decided and reported once.
 * @param reported places of the reported records; emptied when the deleter works without the flag.
 */
export async function holdDry(
  options: DryRunOptions,
  records: readonly Place[],
  items: readonly Item[],
  reported: Set<string>,
): Promise<readonly Outcome[]> {
  const places = records.map(({ topic, partition, offset }) => `${topic}/${partition}/${offset}`);
  if (places.some((place) => !reported.has(place))) {
    await reportDue(options, records.length, items);
    for (const place of places) reported.add(place);
  }
  const message = 'The flag dry-run is set: nothing is deleted, the records wait.';
  return records.map(() => retry(new WaitError(message, { withinMs: lookAgainMs })));
}

export async function reportDue(
  options: DryRunOptions,
  records: number,
  items: readonly Item[],
): Promise<void> {
  let due = 0;
  for (const statement of statementsOf(items, options.rowsMax)) {
    const partitionId = statement[0]?.partitionId ?? 0;
    const artifacts = statement.map(({ artifact }) => artifact);
    due += (await options.rows.findDue(partitionId, artifacts)).length;
  }
  const event = 'artifacts.would-delete';
  options.logger.info({ event, records, asked: items.length, due }, 'dry run');
}
