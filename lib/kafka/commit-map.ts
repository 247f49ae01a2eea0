/**
 * The commit map: which records beyond the committed offset are done, as text in the commit's metadata.
 *
 * Text, so that operators can read it: `afterbuild/1 at=40 done=3 span=9 age=12s r=2,5-6`. `at` is the committed offset,
 * and the others are relative to it. A tool that moves a group's offset and keeps its metadata (a mirror of the cluster
 * does) leaves a map of another offset: `at` shows that, and such a map does not count. `r` lists ranges, `b` is a bitmap
 * in base64 whose first bit stands for the committed offset + 1; unless the list is short enough to read, the shorter one
 * is written. The broker refuses a commit, offset included, whose metadata exceeds 4,096 characters, so the map is cut to
 * fit: the records cut off are repeated after a crash, the commit is not lost.
 */
export const metadataLimit = 4095;
/** Up to this length ranges are written although a bitmap would be shorter, because operators read them. */
const readableLength = 120;

/** Half open: `from` is in it, `to` is not. */
export interface OffsetRange {
  readonly from: number;
  readonly to: number;
}

interface CommitMap {
  /** The committed offset. */
  readonly base: number;
  /** Absolute offsets, ascending, above `base`. */
  readonly ranges: readonly OffsetRange[];
  /** How far intake is ahead of `base`. */
  readonly span: number;
  /** How long the record at `base` has been the oldest unfinished one. */
  readonly ageMs: number;
}

/** Maps without `at` were written by older versions. */
const shape =
  /^afterbuild\/1(?: at=(\d+))? done=\d+ span=\d+ age=\d+s(?: (?:r=([\d,-]*)|b=([A-Za-z0-9+/]*)))?$/;

export function encodeCommitMap(map: CommitMap, limit = metadataLimit): string {
  const done = map.ranges.reduce((sum, range) => sum + range.to - range.from, 0);
  const age = `${Math.floor(map.ageMs / 1000)}s`;
  const head = `afterbuild/1 at=${map.base} done=${done} span=${map.span} age=${age}`;
  if (done === 0) return head;
  const room = limit - head.length - ' r='.length;
  const list = listRanges(map, room);
  const bitmap = drawBitmap(map, room);
  const listIsShort = list.text.length <= Math.max(bitmap.text.length, readableLength);
  const listIsBetter = list.kept > bitmap.kept || (list.kept === bitmap.kept && listIsShort);
  return listIsBetter ? `${head} r=${list.text}` : `${head} b=${bitmap.text}`;
}

/**
 * @returns the absolute offsets that are done beyond `base`; null when the metadata is not one of ours, or of another
 * offset.
 */
export function decodeCommitMap(metadata: string, base: number): OffsetRange[] | null {
  const match = shape.exec(metadata);
  if (!match) return null;
  const [, at, ranges, bitmap] = match;
  if (at !== undefined && Number(at) !== base) return null;
  if (ranges !== undefined) return readRanges(ranges, base);
  if (bitmap !== undefined) return readBitmap(bitmap, base);
  return [];
}

interface Drawn {
  readonly text: string;
  /** Offsets that fitted into the map. */
  readonly kept: number;
}

function listRanges(map: CommitMap, room: number): Drawn {
  let text = '';
  let kept = 0;
  for (const { from, to } of map.ranges) {
    const first = from - map.base;
    const last = to - 1 - map.base;
    const item = `${text === '' ? '' : ','}${first}${last === first ? '' : `-${last}`}`;
    if (text.length + item.length > room) break;
    text += item;
    kept += to - from;
  }
  return { text, kept };
}

function drawBitmap(map: CommitMap, room: number): Drawn {
  const bytesMax = Math.floor(room / 4) * 3;
  const end = map.ranges.at(-1)?.to ?? map.base;
  const bytes = Buffer.alloc(Math.min(bytesMax, Math.ceil((end - map.base - 1) / 8)));
  const bits = bytes.length * 8;
  let kept = 0;
  for (const { from, to } of map.ranges) {
    for (let bit = from - map.base - 1; bit < Math.min(to - map.base - 1, bits); bit += 1) {
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (1 << (bit & 7));
      kept += 1;
    }
  }
  return { text: bytes.toString('base64').replace(/=+$/, ''), kept };
}

function readRanges(text: string, base: number): OffsetRange[] | null {
  const ranges: OffsetRange[] = [];
  let below = 1;
  for (const item of text.split(',')) {
    const [first, last = first] = item.split('-').map(Number);
    if (first === undefined || last === undefined) return null;
    if (!(first >= below && last >= first && Number.isSafeInteger(base + last))) return null;
    ranges.push({ from: base + first, to: base + last + 1 });
    below = last + 1;
  }
  return ranges;
}

function readBitmap(text: string, base: number): OffsetRange[] {
  const ranges: OffsetRange[] = [];
  const bytes = Buffer.from(text, 'base64');
  let from = -1;
  for (let bit = 0; bit <= bytes.length * 8; bit += 1) {
    const set = ((bytes[bit >> 3] ?? 0) & (1 << (bit & 7))) !== 0;
    if (set && from < 0) from = bit;
    if (!set && from >= 0) {
      ranges.push({ from: base + 1 + from, to: base + 1 + bit });
      from = -1;
    }
  }
  return ranges;
}
