/** Traces of 100 MB pass: however many are archived at once, little of them is held (issue: under 32 MB). */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { CreateBucketCommand, DeleteBucketCommand, DeleteObjectCommand } from '@aws-sdk/client-s3';
import type { LiveChunks, TraceObjects } from '../../consumers/trace-archiver/ports';
import { chunkBytes } from '../../lib/gitlab/trace-chunks';
import { ByteBudget } from '../../lib/process/byte-budget';
import { loadConfig, traceArchiverSchema } from '../../lib/process/config';
import { S3Traces } from '../../lib/stores/s3/traces';
import { traceBytes, traceSha256 } from '../../ops/gitlab/trace-bytes';
import { defaultScope, stackEnvironment } from '../../ops/local/stack-environment';
import { s3Settings } from '../../lib/stores/s3/objects';
import { connectS3 } from '../support/bucket';
import { currentStack } from '../support/stack';
import { ourKey, record, rules, TraceGround } from '../support/trace-archive';

const bucket = `trace-memory-${process.pid}`;
const gitlab = connectS3();
const environment = stackEnvironment(currentStack(), 'archiver', { ...defaultScope, bucket });
const config = loadConfig(traceArchiverSchema, environment);
const objects = new S3Traces(s3Settings(config));

const heldMax = 32_000_000;
const long = 100_000_000;
const short = 5_000_000;
/** Long ones, and what else comes on a busy day; by build. */
const sizes = new Map(
  [long, long / 2, ...Array.from({ length: 12 }, () => short)].map((size, at) => [at + 1, size]),
);

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Bytes outside of the heap that somebody still holds. */
function heldBytes(): number {
  collectGarbage();
  return process.memoryUsage().arrayBuffers;
}

/** Redis, as far away as another machine: every chunk's bytes are new memory. */
class MadeChunks implements LiveChunks {
  mostHeld = 0;
  #reads = 0;
  readonly #removed = new Set<string>();

  constructor(private readonly baseline: number) {}

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

  removeUnchanged(chunks: readonly { key: string }[]): Promise<boolean[]> {
    for (const { key } of chunks) this.#removed.add(key);
    return Promise.resolve(chunks.map(() => true));
  }

  sample(): void {
    this.mostHeld = Math.max(this.mostHeld, heldBytes() - this.baseline);
  }

  #placeOf(key: string): { buildId: number; from: number; length: number } {
    const [buildId = 0, index = 0] = (key.match(/\d+/g) ?? []).map(Number);
    const from = index * chunkBytes;
    return { buildId, from, length: Math.min(chunkBytes, (sizes.get(buildId) ?? 0) - from) };
  }
}

/** Looks at the memory also when a request begins. */
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

beforeAll(() => gitlab.send(new CreateBucketCommand({ Bucket: bucket })));
afterAll(async () => {
  for (const build of sizes.keys()) {
    await gitlab.send(new DeleteObjectCommand({ Bucket: bucket, Key: ourKey(build) }));
  }
  await gitlab.send(new DeleteBucketCommand({ Bucket: bucket }));
  gitlab.destroy();
  objects.close();
});

test('a trace of 100 MB passes beside others, and under 32 MB of them all is held', async () => {
  const ground = new TraceGround();
  for (const [build, size] of sizes) {
    ground.build(build);
    const count = Math.ceil(size / chunkBytes);
    for (let index = 0; index < count; index += 1) ground.chunk(build, index, 4, null);
  }
  const traceChunks = new MadeChunks(heldBytes());
  const { rows, sharedState } = ground;
  const archive = ground.archiver({
    objects: sampled(objects, () => traceChunks.sample()),
    chunks: { rows, sharedState, traceChunks, objects: ground.objects },
    rules: { ...rules, bytesMax: 2 * long },
    budget: new ByteBudget(config.ARCHIVE_HELD_BYTES_MAX),
  });
  const builds = [...sizes.keys()];
  const batches = [builds.slice(0, 1), builds.slice(1, 2), builds.slice(2, 8), builds.slice(8)];
  const outcomes = await Promise.all(batches.map((ids) => archive(...ids.map((id) => record(id)))));
  expect(outcomes.flat().map(({ kind }) => kind)).toEqual(builds.map(() => 'done'));
  for (const [build, size] of sizes) {
    expect(rows.artifacts.get(build)).toMatchObject({
      sizeBytes: size,
      sha256: traceSha256(build, size),
    });
    expect(await objects.head(ourKey(build))).toMatchObject({ sizeBytes: size });
  }
  expect(traceChunks.mostHeld).toBeLessThan(heldMax);
  // It is several that pass, not one after the other.
  expect(traceChunks.mostHeld).toBeGreaterThan(long / 10);
}, 300_000);
