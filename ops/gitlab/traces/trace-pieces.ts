/** What must remain of a trace when a store has destroyed a part of it: all the rest, in order. */
import { traceBytes } from './trace-bytes';

interface ByteRange {
  readonly fromByte: number;
  readonly toByte: number;
}

/** A marker in place of a lost chunk is a line or two, not a page. */
const markerBytesMax = 4_096;

/** What was not lost of the first `lengthBytes`, in order. */
export function survivingRanges(lengthBytes: number, lost: readonly ByteRange[]): ByteRange[] {
  const ranges: ByteRange[] = [];
  let fromByte = 0;
  for (const gap of [...lost].sort((a, b) => a.fromByte - b.fromByte)) {
    if (gap.fromByte > fromByte) ranges.push({ fromByte, toByte: gap.fromByte });
    fromByte = Math.max(fromByte, gap.toByte);
  }
  if (fromByte < lengthBytes) ranges.push({ fromByte, toByte: lengthBytes });
  return ranges;
}

/**
 * @param bytes a reader's, with markers or nothing where bytes were lost.
 * @returns the first surviving byte that is missing, or undefined when all are there in order.
 */
export function lossyDifference(
  buildId: number,
  bytes: Buffer,
  lengthBytes: number,
  lost: readonly ByteRange[],
): number | undefined {
  let at = 0;
  for (const { fromByte, toByte } of survivingRanges(lengthBytes, lost)) {
    const piece = traceBytes(buildId, fromByte, toByte - fromByte);
    const found = bytes.indexOf(piece, at);
    const gap = lost.reduce((sum, range) => {
      return range.toByte <= fromByte ? sum + range.toByte - range.fromByte : sum;
    }, 0);
    if (found < 0 || found - at > Math.max(gap, lost.length * markerBytesMax)) return fromByte;
    if (fromByte === 0 && found !== 0) return 0;
    at = found + piece.length;
  }
  return undefined;
}
