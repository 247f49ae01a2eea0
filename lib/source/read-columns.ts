/** Reads the columns of a changed row from a change event, as Debezium writes it, flattened. */
import { z } from 'zod';
import { UndecodableRecordError } from '../runtime/poison';

export const whole = z.number().int();
/** The codec gives a bigint beyond ±2^53. */
export const wide = z.union([whole, z.bigint()]);

/** What Debezium adds to every row. */
export const changeColumns = { __lsn: whole, __ts_ms: whole, __tx_id: whole } as const;

const named = z.object({ id: wide, partition_id: wide });

/**
 * @param row for operators, for example `a build`.
 * @throws UndecodableRecordError that names the row and the wrong fields.
 */
export function readColumns<S extends z.ZodObject>(
  shape: S,
  row: string,
  event: unknown,
): z.output<S> {
  const parsed = shape.safeParse(event);
  if (parsed.success) return parsed.data;
  const fields = new Set(parsed.error.issues.map((issue) => issue.path.join('.')));
  throw new UndecodableRecordError(
    `A change of ${row}${nameOf(event)} lacks what connect/afterbuild-source.json lists: ${[...fields].join(', ')}.`,
    null,
  );
}

/** ` 100:17`, or nothing for a row without an id. */
function nameOf(event: unknown): string {
  const name = named.safeParse(event);
  return name.success ? ` ${name.data.partition_id}:${name.data.id}` : '';
}
