/** Streams the bytes of a trace in order, a megabyte at a time, and collects what is wrong with them. */
import { chunkBytes } from '../../lib/gitlab/trace-chunks';
import type { ChunkWithData, ReadChunk } from './chunk-data';
import { chunkAgrees, markerOf, misfit, misfitMarkerOf, type Place } from './decide';
import { ReadAgain, SetAside } from './job';
import type { SeenObject, TraceObjects } from './ports';

/** Reads the data of some places. */
export type LoadChunks = (places: readonly Place[]) => Promise<readonly ChunkWithData[]>;

/** Filled while the content is streamed. */
export interface ContentNotes {
  readonly chunks: ReadChunk[];
  /** Indexes of chunks that no store has. */
  readonly missing: number[];
  /** Chunks of a wrong length, each with the reason. */
  readonly misfits: Misfit[];
  /** The checksum of a flushed chunk does not match its data. */
  chunksDiffer: boolean;
}

interface Misfit {
  readonly index: number;
  readonly reason: string;
}

/** Chunk data is missing, or of a wrong size, and the rest may still come. */
export class MissingData extends Error {
  override readonly name = 'MissingData';

  constructor(
    readonly indexes: readonly number[],
    readonly misfits: readonly Misfit[] = [],
  ) {
    super('chunk data is missing or of a wrong size');
  }
}

export const newNotes = (): ContentNotes => ({
  chunks: [],
  missing: [],
  misfits: [],
  chunksDiffer: false,
});

/** For the log: what the markers of a trace stand for. */
export function describeMarkers({ missing, misfits }: ContentNotes): string {
  const lost = `stored with a marker for each lost chunk: ${missing.slice(0, 20).join(', ')}`;
  const reasons = misfits.slice(0, 20).map(({ reason }) => reason);
  const odd = `stored with a marker behind each chunk of a wrong size: ${reasons.join('; ')}`;
  return [...(missing.length > 0 ? [lost] : []), ...(misfits.length > 0 ? [odd] : [])].join('; ');
}

/** The amount of one read. */
export const groupChunks = 8;

/**
 * The whole trace from its chunks.
 * @param withMarkers whether a lost chunk is replaced by a marker, and one of a wrong size followed by one.
 * @throws MissingData after all of it was read, without markers.
 */
export async function* chunkContent(
  places: readonly Place[],
  load: LoadChunks,
  notes: ContentNotes,
  withMarkers: boolean,
): AsyncGenerator<Buffer, void, undefined> {
  for (let at = 0; at < places.length; at += groupChunks) {
    for (const chunk of await load(places.slice(at, at + groupChunks))) {
      const marker = noteChunk(chunk, notes);
      // No bytes are passed on behind a gap: they would be stored in the wrong place.
      if (chunk.found && (withMarkers || isWhole(notes))) yield chunk.found.bytes;
      if (withMarkers && marker) yield marker;
    }
  }
  if (!withMarkers && !isWhole(notes)) throw new MissingData(notes.missing, notes.misfits);
}

/** @returns the marker for a lost chunk, or for the end of one of a wrong size. */
function noteChunk({ wanted, found }: ChunkWithData, notes: ContentNotes): Buffer | undefined {
  if (found === null) {
    notes.missing.push(wanted.index);
    return markerOf(wanted);
  }
  notes.chunks.push(found.chunk);
  if (!chunkAgrees(wanted.row, found.chunk.crc32)) notes.chunksDiffer = true;
  const reason = misfit(wanted, found.bytes.length);
  if (reason === undefined) return undefined;
  notes.misfits.push({ index: wanted.index, reason });
  return misfitMarkerOf(wanted, found.bytes.length);
}

const isWhole = ({ missing, misfits }: ContentNotes): boolean =>
  missing.length === 0 && misfits.length === 0;

/** The bytes of the archived object. @throws ReadAgain when it was replaced. */
export async function* objectContent(
  objects: Pick<TraceObjects, 'readRange'>,
  { key, seen }: { readonly key: string; readonly seen: SeenObject },
): AsyncGenerator<Buffer, void, undefined> {
  const step = groupChunks * chunkBytes;
  for (let from = 0; from < seen.sizeBytes; from += step) {
    const length = Math.min(step, seen.sizeBytes - from);
    const bytes = await objects.readRange(key, seen.etag, from, length);
    if (bytes?.length !== length) throw new ReadAgain('the archived object was replaced');
    yield bytes;
  }
}

function checkSize(place: Place, sizeBytes: number): void {
  const reason = misfit(place, sizeBytes);
  if (reason !== undefined) throw new SetAside('leave', reason);
}

/**
 * The archived object, compared with the remaining chunks, and the bytes behind its end: the object is the truth, and
 * may only become longer.
 * @throws SetAside when the two disagree or do not join; ReadAgain when the object was replaced.
 */
export async function* extendedContent(
  objects: Pick<TraceObjects, 'readRange'>,
  archived: { readonly key: string; readonly seen: SeenObject },
  places: readonly Place[],
  load: LoadChunks,
  notes: ContentNotes,
): AsyncGenerator<Buffer, void, undefined> {
  const { etag, sizeBytes } = archived.seen;
  const withRow = places.filter(({ row }) => row !== null);
  const step = groupChunks * chunkBytes;
  const tails: Buffer[] = [];
  for (let from = 0; from < sizeBytes; from += step) {
    const length = Math.min(step, sizeBytes - from);
    const bytes = await objects.readRange(archived.key, etag, from, length);
    if (bytes?.length !== length) throw new ReadAgain('the archived object was replaced');
    const within = withRow.filter(
      ({ index }) => startOf(index) >= from && startOf(index) < from + length,
    );
    for (const chunk of await load(within)) {
      const tail = compare(chunk, bytes, from, notes);
      if (tail) tails.push(tail);
    }
    yield bytes;
  }
  let position = sizeBytes;
  for (const tail of tails) {
    yield tail;
    position += tail.length;
  }
  yield* behind(
    withRow.filter(({ index }) => startOf(index) >= sizeBytes),
    load,
    notes,
    position,
  );
}

const startOf = (index: number): number => index * chunkBytes;

/** @returns the chunk's bytes beyond the object's end, if this is where it ends. */
function compare(
  { wanted, found }: ChunkWithData,
  object: Buffer,
  objectFrom: number,
  notes: ContentNotes,
): Buffer | undefined {
  // Its data was removed after an earlier commit: the object has it.
  if (found === null) return undefined;
  const from = startOf(wanted.index) - objectFrom;
  const common = Math.min(object.length - from, found.bytes.length);
  if (!found.bytes.subarray(0, common).equals(object.subarray(from, from + common))) {
    throw new SetAside('leave', `chunk ${wanted.index} is not what the archived object has there`);
  }
  notes.chunks.push(found.chunk);
  const isAtEnd = from + found.bytes.length > object.length && object.length - from < chunkBytes;
  if (!isAtEnd) return undefined;
  checkSize(wanted, found.bytes.length);
  return found.bytes.subarray(common);
}

async function* behind(
  places: readonly Place[],
  load: LoadChunks,
  notes: ContentNotes,
  from: number,
): AsyncGenerator<Buffer, void, undefined> {
  let position = from;
  for (let at = 0; at < places.length; at += groupChunks) {
    for (const { wanted, found } of await load(places.slice(at, at + groupChunks))) {
      if (found === null) throw new MissingData([wanted.index]);
      if (startOf(wanted.index) !== position) {
        throw new SetAside('leave', `chunk ${wanted.index} does not join the archived object`);
      }
      checkSize(wanted, found.bytes.length);
      notes.chunks.push(found.chunk);
      yield found.bytes;
      position += found.bytes.length;
    }
  }
}
