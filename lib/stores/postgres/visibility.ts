/**
 * Whether a query can already see a transaction that was read from the write-ahead log. Pure.
 *
 * With synchronous replication a commit is decoded before it is visible: an inserted row would look absent, and an
 * absent row loses its object. An event carries the 32-bit transaction id, a snapshot counts in 64 bits (epoch and id):
 * the id is placed into the window that ends a little after the snapshot's newest.
 */

interface Snapshot {
  /** Everything below has ended. */
  readonly xmin: number;
  /** Nothing at or above has ended. */
  readonly xmax: number;
  readonly running: ReadonlySet<number>;
}

const wrap = 2 ** 32;

/**
 * Ids beyond the newest ended one belong to running transactions, so there are few; an id that seems further ahead is
 * an old one of the previous turn. (An event may lie in Kafka for weeks.)
 */
const aheadMax = 2 ** 26;

/** @param text `pg_current_snapshot()`. @throws Error when it is not one, or is beyond 2^53. */
export function parseSnapshot(text: string): Snapshot {
  const match = /^([0-9]+):([0-9]+):([0-9,]*)$/.exec(text);
  const [xmin, xmax] = [Number(match?.[1] ?? NaN), Number(match?.[2] ?? NaN)];
  if (!Number.isSafeInteger(xmin) || !Number.isSafeInteger(xmax)) {
    throw new Error(`PostgreSQL gave a snapshot that cannot be read: ${text}`);
  }
  const running = (match?.[3] ?? '').split(',').filter((id) => id !== '');
  return { xmin, xmax, running: new Set(running.map(Number)) };
}

/** The 64-bit id of a 32-bit one; below 0 for one that is older than the cluster's own first turn. */
export function extendTransactionId(transactionId: number, xmax: number): number {
  const inThisTurn = xmax - (xmax % wrap) + transactionId;
  if (inThisTurn > xmax + aheadMax) return inThisTurn - wrap;
  if (inThisTurn + wrap <= xmax + aheadMax) return inThisTurn + wrap;
  return inThisTurn;
}

/** @param transactionId 32 bits, as logical decoding gives it. */
export function isVisible(snapshot: Snapshot, transactionId: number): boolean {
  const id = extendTransactionId(transactionId, snapshot.xmax);
  if (id < snapshot.xmin) return true;
  return id < snapshot.xmax && !snapshot.running.has(id);
}
