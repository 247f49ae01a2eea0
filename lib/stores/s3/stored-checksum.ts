/** Checks that S3 has stored the bytes that were sent: by the checksum in its answer, not by the ETag. */
import { createHash } from 'node:crypto';
import { nothingKnown, S3Error } from './errors';

/** S3's own way to name a multipart object: the hash of the parts' hashes. */
export function checksumOfParts(partChecksums: readonly string[]): string {
  const hash = createHash('sha256');
  for (const checksum of partChecksums) hash.update(Buffer.from(checksum, 'base64'));
  return `${hash.digest('base64')}-${partChecksums.length}`;
}

/** @throws S3Error when S3 answers another checksum, or none, or no ETag. */
export function verified(
  { ETag: etag, ChecksumSHA256: says }: Answer,
  expected: string,
  request: string,
): { etag: string; checksum: string } {
  if (etag === undefined || etag === '') throw nothingKnown(request, 'an answer without an ETag');
  if (says === expected) return { etag, checksum: expected };
  throw says === undefined
    ? new S3Error(
        `S3, ${request}: the answer does not say the SHA-256 of what was stored (x-amz-checksum-sha256), by which it is verified. Use an S3 server that says it.`,
        'unfit',
        'ChecksumMissing',
        undefined,
        undefined,
      )
    : new S3Error(
        `S3, ${request}: stored with checksum ${says} instead of ${expected}; it is stored again`,
        'unavailable',
        'ChecksumMismatch',
        undefined,
        undefined,
      );
}

interface Answer {
  readonly ETag?: string | undefined;
  readonly ChecksumSHA256?: string | undefined;
}
