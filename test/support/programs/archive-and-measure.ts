/**
 * Archives long traces beside short ones, and reports the highest memory outside the heap. It runs as a process of its
 * own: in jest's, memory of earlier tests is freed at unpredictable moments.
 */
import type { LiveChunks, TraceObjects } from '../../../consumers/trace-archiver/ports';
import { chunkBytes } from '../../../lib/gitlab/trace-chunks';
import { ByteBudget } from '../../../lib/process/byte-budget';
import { loadConfig, traceArchiverSchema } from '../../../lib/process/config';
import { s3Settings } from '../../../lib/stores/s3/objects';
import { S3Traces } from '../../../lib/stores/s3/traces';
import { traceBytes } from '../../../ops/gitlab/traces/trace-bytes';
import { record, rules, TraceGround } from '../memory/trace-archive';

export interface Measured {
  /** The outcome of each trace, in the order of `sizes`. */
  readonly outcomes: readonly string[];
  /** The rows of the artifacts, likewise. */
  readonly artifacts: readonly ({ sizeBytes: number | null; sha256: string | null } | undefined)[];
  readonly heldMostBytes: number;
}

/** Bytes outside the heap that are still referenced. */
function heldBytes(): number {
  if (!gc) throw new Error('run with --expose-gc');
  gc();
  // Memory that a collection finds dead is freed, and no longer counted, at the beginning of the next.
  gc();
  return process.memoryUsage().arrayBuffers;
}

/** Redis like on another machine: every chunk's bytes are new memory. */
class MadeChunks implements LiveChunks {
  heldMostBytes = 0;
  #reads = 0;
  readonly #removed = new Set<string>();

  constructor(private readonly sizes: ReadonlyMap<number, number>) {}

  read(keys: readonly string[]): Promise<(Buffer | null)[]> {
    const data = keys.map((key) => {
      const { buildId, from, length } = this.#placeOf(key);
      return this.#removed.has(key) ? null : traceBytes(buildId, from, length);
    });
    if (this.#reads % 4 === 0) this.sample();
    this.#reads += 1;
    return Promise.resolve(data);
  }

  lengths(keys: readonly string[]): Promise<number[]> {
    return Promise.resolve(keys.map((key) => this.#placeOf(key).length));
  }

  lifetimes(keys: readonly string[]): Promise<null[]> {
    return Promise.resolve(keys.map(() => null));
  }

  keep(): Promise<void> {
    return Promise.resolve();
  }

  removeUnchanged(chunks: readonly { key: string }[]): Promise<boolean[]> {
    for (const { key } of chunks) this.#removed.add(key);
    return Promise.resolve(chunks.map(() => true));
  }

  sample(): void {
    this.heldMostBytes = Math.max(this.heldMostBytes, heldBytes());
  }

  #placeOf(key: string): { buildId: number; from: number; length: number } {
    const [buildId = 0, index = 0] = (key.match(/\d+/g) ?? []).map(Number);
    const from = index * chunkBytes;
    return { buildId, from, length: Math.min(chunkBytes, (this.sizes.get(buildId) ?? 0) - from) };
  }
}

/** Measures the memory also when a request begins. */
function sampled(store: S3Traces, sample: () => void): TraceObjects {
  return {
    head: (key) => store.head(key),
    put: (...args) => {
      sample();
      return store.put(...args);
    },
    upload: async (key) => {
      const upload = await store.upload(key);
      return {
        part: (bytes) => {
          sample();
          return upload.part(bytes);
        },
        complete: (condition) => upload.complete(condition),
        abort: () => upload.abort(),
      };
    },
    readRange: (...args) => store.readRange(...args),
    removeIf: (...args) => store.removeIf(...args),
  };
}

/** @param sizes bytes of each trace, from build 1 on; the first two come alone, the rest in batches of six. */
async function archiveAndMeasure(sizes: readonly number[]): Promise<Measured> {
  const config = loadConfig(traceArchiverSchema, process.env);
  const objects = new S3Traces(s3Settings(config));
  const ground = new TraceGround();
  const builds = new Map(sizes.map((size, at) => [at + 1, size]));
  for (const [build, size] of builds) {
    ground.build(build);
    const count = Math.ceil(size / chunkBytes);
    for (let index = 0; index < count; index += 1) ground.chunk(build, index, 4, null);
  }
  const traceChunks = new MadeChunks(builds);
  const { rows, sharedState } = ground;
  const archive = ground.archiver({
    objects: sampled(objects, () => traceChunks.sample()),
    chunks: { rows, sharedState, traceChunks, objects: ground.objects },
    rules: { ...rules, bytesMax: 2 * Math.max(...sizes) },
    budget: new ByteBudget(config.ARCHIVE_HELD_BYTES_MAX),
  });
  const ids = [...builds.keys()];
  const batches = [ids.slice(0, 1), ids.slice(1, 2), ids.slice(2, 8), ids.slice(8)];
  const outcomes = await Promise.all(
    batches.map((some) => archive(...some.map((id) => record(id)))),
  );
  objects.close();
  return {
    outcomes: outcomes.flat().map(({ kind }) => kind),
    artifacts: ids.map((id) => {
      const artifact = rows.artifacts.get(id);
      return artifact && { sizeBytes: artifact.sizeBytes, sha256: artifact.sha256 };
    }),
    heldMostBytes: traceChunks.heldMostBytes,
  };
}

void archiveAndMeasure(process.argv.slice(2).map(Number)).then((measured) => {
  process.send?.(measured, () => process.disconnect());
});
