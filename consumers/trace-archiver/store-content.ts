/** Stores a trace as one object: in one request when it is short, in parts, as a stream, when it is long. */
import type { SeenObject, TraceObjects, TraceUpload, WriteCondition } from './ports';
import { ReadAgain } from './job';
import { Part } from './part';
import { TraceDigest } from './trace-digest';

export interface StoredContent {
  readonly sizeBytes: number;
  readonly sha256: Buffer;
  readonly md5: string;
  readonly etag: string;
  /** False: an earlier attempt had stored the object with these bytes. */
  readonly isWritten: boolean;
}

export interface Target {
  readonly key: string;
  /** The object at the key before the content was read; undefined and null: none. */
  readonly seen: SeenObject | null | undefined;
  /** The content is hardly longer: so much memory is allocated at once. */
  readonly expectedBytes: number;
}

/**
 * @param approve throws when the content as a whole must not be stored.
 * @throws ReadAgain when the key was written meanwhile; errors of `content` and `approve`.
 */
export async function storeContent(
  objects: Pick<TraceObjects, 'put' | 'upload'>,
  target: Target,
  content: AsyncIterable<Buffer>,
  approve: (digest: TraceDigest) => void,
): Promise<StoredContent> {
  const { key, seen } = target;
  const digest = new TraceDigest();
  const state: { upload?: TraceUpload } = {};
  try {
    const rest = await passOn(objects, target, content, digest, state);
    approve(digest);
    const { sha256, md5 } = digest.end();
    const sums = { sizeBytes: digest.sizeBytes, sha256, md5 };
    if (!state.upload && seen?.checksum === sha256.toString('base64')) {
      return { ...sums, etag: seen.etag, isWritten: false };
    }
    const condition: WriteCondition = seen ? { etag: seen.etag } : { absent: true };
    const written = state.upload
      ? await finish(state.upload, rest, condition)
      : await objects.put(key, rest, sha256, condition);
    if (!written) throw new ReadAgain('another process has written the object');
    return { ...sums, etag: written.etag, isWritten: true };
  } catch (error) {
    await state.upload?.abort();
    throw error;
  }
}

/** @returns the bytes left over after the parts. */
async function passOn(
  objects: Pick<TraceObjects, 'upload'>,
  { key, expectedBytes }: Target,
  content: AsyncIterable<Buffer>,
  digest: TraceDigest,
  state: { upload?: TraceUpload },
): Promise<Buffer> {
  const part = new Part(expectedBytes);
  for await (const bytes of content) {
    digest.add(bytes);
    let rest = part.fill(bytes);
    while (rest.length > 0) {
      state.upload ??= await objects.upload(key);
      await state.upload.part(part.bytes);
      part.clear();
      rest = part.fill(rest);
    }
  }
  return part.bytes;
}

async function finish(upload: TraceUpload, rest: Buffer, condition: WriteCondition) {
  await upload.part(rest);
  return upload.complete(condition);
}

/** Only computes sums and compares. */
export async function sumContent(content: AsyncIterable<Buffer>): Promise<TraceDigest> {
  const digest = new TraceDigest();
  for await (const bytes of content) digest.add(bytes);
  return digest;
}
