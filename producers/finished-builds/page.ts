/**
 * The cursor of a pass over the chunk rows, and its next value after a page. Pure.
 *
 * A slice walks every partition_id in ascending order and in each the builds by id, by keyset. The cursor also moves
 * over builds that are not due: they belong to the next pass.
 */
import type { StalePage } from './ports';

export interface Cursor {
  /** Every partition_id below has been read; 0 at the beginning, GitLab's begin at 100. */
  readonly partitionId: number;
  /** Of the next one, every build up to and including this. */
  readonly buildId: number;
}

export const cursorAtStart: Cursor = { partitionId: 0, buildId: 0 };

export const compareCursors = (a: Cursor, b: Cursor): number =>
  a.partitionId - b.partitionId || a.buildId - b.buildId;

export interface SettledPage {
  readonly cursor: Cursor;
  /** Nothing is left of this pass. */
  readonly complete: boolean;
}

/** @param buildsMax the limit of the page: fewer builds mean the end of the partition_id. */
export function settlePage(
  cursor: Cursor,
  { builds, nextPartitionId }: Pick<StalePage, 'builds' | 'nextPartitionId'>,
  buildsMax: number,
): SettledPage {
  const buildId = builds.at(-1)?.buildId ?? cursor.buildId;
  if (builds.length >= buildsMax) return { cursor: { ...cursor, buildId }, complete: false };
  if (nextPartitionId === null) return { cursor: { ...cursor, buildId }, complete: true };
  return { cursor: { partitionId: nextPartitionId, buildId: 0 }, complete: false };
}
