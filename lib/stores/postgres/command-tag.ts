/** Compares PostgreSQL's answer (command tag and row count) with the statement that was sent. Pure. */
import { PostgresError } from './errors';

export interface Answer {
  /** First word of the tag: a COMMIT of a transaction that had failed is answered with ROLLBACK. */
  readonly command: string;
  readonly rowCount: number | null;
  readonly rows: readonly unknown[];
}

/** A statement that begins so is answered with the same word. */
const sayTheirName = new Set(['BEGIN', 'COMMIT', 'SELECT', 'INSERT', 'UPDATE', 'DELETE']);

/** @throws PostgresError when it is no answer to this statement: then the effect is unknown. */
export function assertAnswers(
  { name, text }: { readonly name: string; readonly text: string },
  { command, rowCount, rows }: Answer,
): void {
  const [verb = ''] = text.trimStart().split(/\s/, 1);
  const isOther = sayTheirName.has(verb.toUpperCase()) && command !== verb.toUpperCase();
  // Without RETURNING a count comes without rows, and a plan's rows come without a count.
  const isShort = command !== 'EXPLAIN' && rows.length > 0 && rowCount !== rows.length;
  if (!isOther && !isShort) return;
  const got = isOther ? `${command} instead of ${verb}` : `${rows.length} rows of ${rowCount}`;
  throw new PostgresError(
    `PostgreSQL, ${name}: answered with ${got}: it was not done, or nothing is known of it`,
    'unavailable',
    undefined,
    undefined,
  );
}
