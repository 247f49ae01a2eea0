/** Sends one request to S3, with a time limit, and sorts its errors. */
import { nothingKnown, translateError } from './errors';

/** Names the request in an error's message. */
export const doing = (request: string, bucket: string): string => `${request} on bucket ${bucket}`;

/** @param send one attempt, its answer included. @throws S3Error. */
export async function sendWithin<T>(
  limitMs: number,
  what: string,
  send: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  try {
    return await send(AbortSignal.timeout(limitMs));
  } catch (error) {
    throw translateError(error, what, limitMs);
  }
}

/** An ETag or an id that an answer must contain. */
export const isNamed = (text: string | undefined): text is string =>
  text !== undefined && text !== '';

interface Body {
  transformToByteArray(): Promise<Uint8Array>;
}

/** @throws S3Error when the object's bytes end before, or go on. */
export async function readWhole(body: Body | undefined, lengthBytes: number): Promise<Buffer> {
  const bytes = Buffer.from((await body?.transformToByteArray()) ?? []);
  if (bytes.length === lengthBytes) return bytes;
  throw nothingKnown('GetObject', `${bytes.length} bytes instead of ${lengthBytes}`);
}
