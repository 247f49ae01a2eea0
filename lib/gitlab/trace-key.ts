/**
 * The key of an archived trace, determined by its build alone.
 *
 * An artifact's id cannot be known before its row exists (a trigger overwrites it), but when `file_final_path` is set,
 * that is the key. So every attempt, replay and second record for one build writes the same object.
 */
import { createHash } from 'node:crypto';
import { projectHashPath } from './object-key';
import { markAsTrace } from './trace-mark';

export interface TraceOwner {
  readonly partitionId: number;
  readonly buildId: number;
  readonly projectId: number;
}

/**
 * `<project hash>/@final/<2>/<2>/<60 hex>`: the shape of a direct upload, which GitLab reads and deletes. Its end marks
 * it as a trace's, which the artifact-deleter never deletes, with any content of a record.
 */
export const traceKey = (owner: TraceOwner): string => markAsTrace(unmarkedTraceKey(owner));

/** As versions before the mark have stored it: the rows that name it are ours as well. */
export function unmarkedTraceKey({ partitionId, buildId, projectId }: TraceOwner): string {
  const hash = createHash('sha256')
    .update(`trace of build ${partitionId}:${buildId}`)
    .digest('hex');
  const folders = `${hash.slice(0, 2)}/${hash.slice(2, 4)}`;
  return `${projectHashPath(projectId)}/@final/${folders}/${hash.slice(4)}`;
}

/** @param finalPath of the build's committed row. @returns the key at which its trace is, or would be. */
export function traceKeyBy(owner: TraceOwner, finalPath: string | null | undefined): string {
  const unmarked = unmarkedTraceKey(owner);
  return finalPath === unmarked ? unmarked : traceKey(owner);
}
