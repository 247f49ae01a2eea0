/**
 * The bytes that builds write into their traces: the byte at an offset of a build's trace is always the same, so a
 * trace of any size can be checked without storing it, and a byte in a wrong place is noticed.
 */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { chunkBytes } from '../../../lib/gitlab/trace-chunks';
import { createRandom } from '../random';

const noiseBytes = 262_144;
/** Each block begins elsewhere in the noise, so that no two chunks of a trace are alike. */
const blockBytes = 65_536;
const lineBytes = 97;
let noise: Buffer | undefined;

function noiseOf(): Buffer {
  if (noise) return noise;
  const random = createRandom(20_090);
  const bytes = Array.from({ length: noiseBytes }, (_, place) =>
    place % lineBytes === 0 ? 10 : random.whole(32, 126),
  );
  return (noise = Buffer.from(bytes));
}

function blockStart(buildId: number, block: number): number {
  const mixed = Math.imul(buildId ^ 0x5bd1e995, 0x9e3779b1) ^ Math.imul(block + 1, 0x85ebca6b);
  return (mixed >>> 0) % (noiseBytes - blockBytes);
}

/** The bytes [offset, offset + length) of the build's trace. */
export function traceBytes(buildId: number, offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let done = 0;
  while (done < length) {
    const block = Math.floor((offset + done) / blockBytes);
    const within = (offset + done) % blockBytes;
    const part = Math.min(blockBytes - within, length - done);
    const start = blockStart(buildId, block) + within;
    noiseOf().copy(bytes, done, start, start + part);
    done += part;
  }
  return bytes;
}

/** @returns the first offset at which the bytes are not those of the trace, or undefined. */
export function firstDifference(
  buildId: number,
  bytes: Uint8Array,
  offset = 0,
): number | undefined {
  for (let start = 0; start < bytes.length; start += blockBytes) {
    const part = bytes.subarray(start, start + blockBytes);
    const wanted = traceBytes(buildId, offset + start, part.length);
    if (wanted.equals(part)) continue;
    return offset + start + wanted.findIndex((byte, place) => byte !== part[place]);
  }
  return undefined;
}

function* partsOf(buildId: number, length: number): Generator<Buffer> {
  for (let start = 0; start < length; start += chunkBytes) {
    yield traceBytes(buildId, start, Math.min(chunkBytes, length - start));
  }
}

/** Of the first `length` bytes, as hex. */
export function traceSha256(buildId: number, length: number): string {
  const hash = createHash('sha256');
  for (const part of partsOf(buildId, length)) hash.update(part);
  return hash.digest('hex');
}

/** Of the first `length` bytes, as an unsigned number. */
export function traceCrc32(buildId: number, length: number): number {
  let sum = 0;
  for (const part of partsOf(buildId, length)) sum = crc32(part, sum);
  return sum;
}
