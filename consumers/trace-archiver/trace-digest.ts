/** Checksums of a trace's bytes, computed while they are streamed. */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

export class TraceDigest {
  sizeBytes = 0;
  crc32 = 0;
  readonly #sha256 = createHash('sha256');
  readonly #md5 = createHash('md5');

  add(bytes: Buffer): void {
    this.sizeBytes += bytes.length;
    this.crc32 = crc32(bytes, this.crc32);
    this.#sha256.update(bytes);
    this.#md5.update(bytes);
  }

  /** Ends it: no bytes can be added any more. */
  end(): { readonly sha256: Buffer; readonly md5: string } {
    return { sha256: this.#sha256.digest(), md5: this.#md5.digest('hex') };
  }
}
