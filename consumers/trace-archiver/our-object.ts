/** Removes an object that an earlier attempt stored and no row claims. */
import type { Job } from './job';
import type { Dependencies } from './dependencies';

/** Nothing is removed when a missing row proves nothing, or a committed row claims the object. */
export async function dropOurObject(
  { rows, objects }: Pick<Dependencies, 'rows' | 'objects'>,
  { owner, key, absenceProves }: Job,
  knownEtag?: string,
): Promise<void> {
  if (!absenceProves) return;
  const etag = knownEtag ?? (await objects.head(key))?.etag;
  if (etag === undefined) return;
  await rows.dropUnclaimed(owner, key, async () => {
    await objects.removeIf(key, etag);
  });
}
