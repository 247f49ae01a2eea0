/** Whether S3 has stored what was sent: by the checksum in its answer, not by the ETag. */
import { createHash } from 'node:crypto';
import { S3Error } from './errors';

/** S3's own way to name a multipart object: the hash of the parts' hashes. */
export function checksumOfParts(partChecksums: readonly string[]): string {
  const hash = createHash('sha256');
  for (const checksum of partChecksums) hash.update(Buffer.from(checksum, 'base64'));
  return `${hash.digest('base64')}-${partChecksums.length}`;
}

/** @throws S3Error when S3 says another checksum, or none: the same is stored again. */
export function verified(
  answer: { readonly ETag?: string | undefined; readonly ChecksumSHA256?: string | undefined },
  expected: string,
  request: string,
): { etag: string; checksum: string } {
  if (answer.ChecksumSHA256 !== expected || answer.ETag === undefined) {
    const says = answer.ChecksumSHA256 ?? 'nothing';
    throw new S3Error(
      `S3, ${request}: stored with checksum ${says} instead of ${expected}; it is stored again`,
      'unavailable',
      'ChecksumMismatch',
      undefined,
      undefined,
    );
  }
  return { etag: answer.ETag, checksum: expected };
}
