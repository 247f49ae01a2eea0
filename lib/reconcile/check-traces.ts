/**
 * Compares chunk rows with chunk data, beside a live pipeline: a row whose data is missing (I1), and data in Redis that
 * no row claims (I4). As in `check.ts`, a difference is only a suspicion until it has lasted.
 */
import {
  chunkBytes,
  chunkObjectKey,
  chunkRedisKey,
  chunkStore,
  isLive,
} from '../gitlab/trace-chunks';
import type { Clock } from '../process/clock';
import type { ChunkClaim, ChunkName } from '../stores/postgres/trace-claims';

interface TraceCheckPorts {
  readonly rows: {
    all(): AsyncIterable<ChunkClaim>;
    of(chunks: readonly ChunkName[]): Promise<readonly ChunkClaim[]>;
    existing(buildIds: readonly number[]): Promise<ReadonlySet<number>>;
  };
  /** GitLab's Redis stores of chunks; one where they are the same server. */
  readonly live: readonly {
    exist(keys: readonly string[]): Promise<readonly boolean[]>;
    lifetimes(keys: readonly string[]): Promise<readonly (number | null)[]>;
    keys(): AsyncIterable<readonly string[]>;
  }[];
  /** Flushed chunks, below no prefix. */
  readonly objects: { headObject(key: string): Promise<object | null> };
  readonly clock: Clock;
}

interface ChunkWithoutData extends ChunkName {
  readonly invariant: 'I1';
}

interface DataWithoutChunk extends ChunkName {
  readonly invariant: 'I4';
}

export type TraceBreak = ChunkWithoutData | DataWithoutChunk;

/** Left over from GitLab's own work, and no break of an invariant: it will never be read. */
export type TraceLeftover =
  /** The row of a chunk without data, of a build that was erased or skipped: GitLab removes it with the build. */
  | (ChunkName & { readonly kind: 'row' })
  /** Data of a deleted build; Redis drops it by itself in `endsInMs`. */
  | (ChunkName & { readonly kind: 'data'; readonly endsInMs: number });

export interface TraceReport {
  readonly chunkRows: number;
  /** Keys of chunks in Redis. */
  readonly chunkKeys: number;
  readonly breaks: readonly TraceBreak[];
  readonly leftovers: readonly TraceLeftover[];
}

const batchChunks = 500;

export async function checkTraces(
  ports: TraceCheckPorts,
  options: { readonly pauseMs: number; readonly signal: AbortSignal },
): Promise<TraceReport> {
  const counts = { chunkRows: 0, chunkKeys: 0 };
  const suspects: TraceBreak[] = [];
  for await (const batch of batchesOf(ports.rows.all())) {
    options.signal.throwIfAborted();
    counts.chunkRows += batch.length;
    suspects.push(...(await withoutData(ports, batch)));
  }
  for (const store of ports.live) {
    for await (const keys of store.keys()) {
      options.signal.throwIfAborted();
      counts.chunkKeys += keys.length;
      suspects.push(...(await withoutRow(ports, keys.flatMap(nameOf))));
    }
  }
  if (suspects.length === 0) return { ...counts, breaks: [], leftovers: [] };
  await ports.clock.sleep(options.pauseMs, options.signal);
  return { ...counts, ...(await sort(ports, await verify(ports, suspects))) };
}

/** Distinguishes breaks from what the end of a build leaves behind. */
async function sort(
  ports: TraceCheckPorts,
  found: readonly TraceBreak[],
): Promise<Pick<TraceReport, 'breaks' | 'leftovers'>> {
  const breaks: TraceBreak[] = [];
  const leftovers: TraceLeftover[] = [];
  for (let at = 0; at < found.length; at += batchChunks) {
    const batch = found.slice(at, at + batchChunks);
    const claims = await ports.rows.of(batch);
    const over = new Set(claims.filter(({ isOver }) => isOver).map(textOf));
    const existing = await ports.rows.existing([...new Set(batch.map(({ buildId }) => buildId))]);
    const ends = await endsOf(ports, batch);
    for (const [place, one] of batch.entries()) {
      const { invariant, buildId, index } = one;
      const endsInMs = ends[place] ?? null;
      if (invariant === 'I1' && over.has(textOf(one))) {
        leftovers.push({ kind: 'row', buildId, index });
      } else if (invariant === 'I4' && !existing.has(buildId) && endsInMs !== null) {
        leftovers.push({ kind: 'data', buildId, index, endsInMs });
      } else breaks.push(one);
    }
  }
  return { breaks, leftovers };
}

/** When the last copy of each is dropped; null where one has no end. */
async function endsOf(
  { live }: TraceCheckPorts,
  names: readonly ChunkName[],
): Promise<(number | null)[]> {
  const keys = names.map(({ buildId, index }) => chunkRedisKey(buildId, index));
  const ends = names.map((): number | null => null);
  for (const store of live) {
    const left = await store.lifetimes(keys);
    left.forEach((ms, at) => {
      if (ms !== null) ends[at] = Math.max(ms, ends[at] ?? 0);
    });
  }
  return ends;
}

async function* batchesOf<T>(all: AsyncIterable<T>): AsyncGenerator<T[], void, undefined> {
  let batch: T[] = [];
  for await (const one of all) {
    batch.push(one);
    if (batch.length < batchChunks) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** The archiver has removed a chunk that the archived trace covers: its row is next. */
async function withoutData(
  ports: TraceCheckPorts,
  claims: readonly ChunkClaim[],
): Promise<ChunkWithoutData[]> {
  const open = claims.filter(({ index, archivedBytes }) => index * chunkBytes >= archivedBytes);
  const outside = open.filter(({ store }) => store !== chunkStore.database);
  const found = new Set<ChunkClaim>();
  const live = outside.filter(({ store }) => isLive(store));
  const keys = live.map(({ buildId, index }) => chunkRedisKey(buildId, index));
  for (const store of ports.live) {
    const exists = await store.exist(keys);
    live.forEach((claim, at) => {
      if (exists[at] === true) found.add(claim);
    });
  }
  for (const claim of outside.filter(({ store }) => !isLive(store))) {
    const head = await ports.objects.headObject(chunkObjectKey(claim.buildId, claim.index));
    if (head !== null) found.add(claim);
  }
  return outside
    .filter((claim) => !found.has(claim))
    .map(({ buildId, index }) => ({ invariant: 'I1', buildId, index }));
}

async function withoutRow(
  { rows }: TraceCheckPorts,
  names: readonly ChunkName[],
): Promise<DataWithoutChunk[]> {
  if (names.length === 0) return [];
  const claimed = new Set((await rows.of(names)).map(textOf));
  return names
    .filter((name) => !claimed.has(textOf(name)))
    .map(({ buildId, index }) => ({ invariant: 'I4', buildId, index }));
}

const textOf = ({ buildId, index }: ChunkName): string => `${buildId}:${index}`;

function nameOf(key: string): ChunkName[] {
  const match = /^gitlab:ci:trace:(\d+):chunks:(\d+)$/.exec(key);
  return match ? [{ buildId: Number(match[1]), index: Number(match[2]) }] : [];
}

/** @returns those that still exist, each once. */
async function verify(
  ports: TraceCheckPorts,
  suspects: readonly TraceBreak[],
): Promise<TraceBreak[]> {
  const still = new Map<string, TraceBreak>();
  for (let at = 0; at < suspects.length; at += batchChunks) {
    const batch = suspects.slice(at, at + batchChunks);
    const rowless = await withoutRow(ports, batch);
    const present = await keysOf(ports, rowless);
    const dataless = await withoutData(ports, await ports.rows.of(batch));
    for (const one of [...rowless.filter((name) => present.has(textOf(name))), ...dataless]) {
      still.set(`${one.invariant} ${textOf(one)}`, one);
    }
  }
  return [...still.values()];
}

async function keysOf(
  { live }: TraceCheckPorts,
  names: readonly ChunkName[],
): Promise<ReadonlySet<string>> {
  const present = new Set<string>();
  for (const store of live) {
    const exists = await store.exist(
      names.map(({ buildId, index }) => chunkRedisKey(buildId, index)),
    );
    names.forEach((name, at) => {
      if (exists[at] === true) present.add(textOf(name));
    });
  }
  return present;
}
