/** Checks at the start whether this S3 server honours the conditions that the archive's safety depends on. */
import { createHash, randomUUID } from 'node:crypto';
import { traceKey } from '../../gitlab/trace-key';
import { ConfigError } from '../../process/config';
import { selfTestPrefix } from './self-test-keys';
import type { S3Traces, WriteCondition } from './traces';

type TestedStore = Pick<
  S3Traces,
  'put' | 'upload' | 'head' | 'removeIf' | 'learnConditionalDelete'
>;

const sha256Of = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest();

/**
 * Writes, overwrites and removes one object of its own.
 * @throws ConfigError when the server takes a write whose condition does not hold; S3Error otherwise.
 */
export async function testConditionalWrites(traces: TestedStore, server: string): Promise<void> {
  const key = `${selfTestPrefix}${randomUUID()}/${traceKey({ partitionId: 0, buildId: 0, projectId: 0 })}`;
  const refuse = (what: string): never => {
    throw new ConfigError(
      `${server} ignores ${what}: a late upload could overwrite an archived trace, so nothing is archived. Use an S3 server with conditional writes.`,
    );
  };
  const put = (text: string, condition: WriteCondition) => {
    const body = Buffer.from(text);
    return traces.put(key, body, sha256Of(body), condition);
  };
  try {
    const first = await put('first', { absent: true });
    if (!first)
      throw new ConfigError(`${server} refuses to store a new object (If-None-Match: *).`);
    if (await put('second', { absent: true })) refuse('If-None-Match');
    if (await put('second', { etag: '"00000000000000000000000000000000"' })) refuse('If-Match');
    if (!(await put('second', { etag: first.etag }))) {
      throw new ConfigError(`${server} refuses If-Match with the object's own ETag.`);
    }
    const upload = await traces.upload(key);
    await upload.part(Buffer.from('third'));
    if (await upload.complete({ absent: true })) {
      refuse('If-None-Match when a multipart upload is completed');
    }
    await upload.abort();
    await traces.learnConditionalDelete(key);
  } finally {
    const seen = await traces.head(key);
    if (seen) await traces.removeIf(key, seen.etag);
  }
}
