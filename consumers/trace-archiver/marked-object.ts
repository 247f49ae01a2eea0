/** Recognizes an object that an earlier attempt made of chunks of a wrong size, each followed by a marker. */
import type { ReadChunk } from './chunk-data';
import { placesOf } from './decide';
import type { Job } from './job';
import type { BuildTrace, TraceArtifact } from '../../lib/gitlab/trace-rows';
import type { SeenObject, TraceObjects } from './ports';
import { sumContent } from './store-content';
import { chunkContent, type LoadChunks, newNotes, objectContent } from './trace-content';

interface MarkedTrace {
  readonly job: Pick<Job, 'key'>;
  readonly trace: BuildTrace;
  readonly load: LoadChunks;
  readonly replaces: TraceArtifact | null;
}

/**
 * A marker shifts the bytes behind a chunk of a wrong size, so such an object cannot be compared chunk by chunk. It is
 * ours to finish when the chunks with their markers, the object's bytes and the row's SHA-256 are equal.
 * @returns the chunks that it was made of; undefined for any other object.
 */
export async function findMarkedChunks(
  { objects }: { readonly objects: Pick<TraceObjects, 'readRange'> },
  { job, trace, load, replaces }: MarkedTrace,
  seen: SeenObject,
): Promise<readonly ReadChunk[] | undefined> {
  const notes = newNotes();
  const marked = await sumContent(chunkContent(placesOf(trace.chunks), load, notes, true));
  if (notes.misfits.length === 0 || marked.sizeBytes !== seen.sizeBytes) return undefined;
  const { sha256 } = marked.end();
  const object = await sumContent(objectContent(objects, { key: job.key, seen }));
  const isSame = object.end().sha256.equals(sha256) && replaces?.sha256 === sha256.toString('hex');
  return isSame ? notes.chunks : undefined;
}
