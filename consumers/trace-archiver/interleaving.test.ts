/**
 * I1 and I2 after every step, whatever order append, flush, archive (ours and GitLab's), erase, crash
 * and late records come in on one build.
 */
import fc from 'fast-check';
import { artifactObjectKey } from '../../lib/gitlab/object-key';
import { chunkBytes } from '../../lib/gitlab/trace-chunks';
import type { Step } from '../../lib/process/steps';
import {
  archiverSteps,
  bytesOf,
  hourMs,
  ourKey,
  record,
  TraceGround,
} from '../../test/support/trace-archive';

/** What GitLab may do to the build between two steps of the archiver. */
const acts = [
  'append',
  'append-stalled',
  'flush',
  'gitlab-row',
  'gitlab-upload',
  'gitlab-fails',
  'erase',
] as const;
type Act = (typeof acts)[number];

class Life extends TraceGround {
  /** Bytes that GitLab has acknowledged to the runner. */
  written = 0;
  isErased = false;
  #upload: { readonly key: string; readonly bytes: Buffer } | undefined;

  begin(sizeBytes: number): void {
    this.trace(1, sizeBytes);
    this.written = sizeBytes;
  }

  do(act: Act): void {
    if (!this.isErased) this.#acts[act]();
  }

  readonly #acts: Readonly<Record<Act, () => void>> = {
    append: () => {
      if (!this.leases.held.has(1) && !this.#isArchived()) this.#append();
    },
    // To an empty trace whose row is committed it is told, and cannot be helped (README).
    'append-stalled': () => {
      if (this.written > 0 || !this.#isArchived()) this.#append();
    },
    flush: () => this.#flush(),
    'gitlab-row': () => this.#gitlabBegins(),
    'gitlab-upload': () => this.#gitlabUploads(),
    'gitlab-fails': () => {
      this.#upload = undefined;
    },
    erase: () => this.#erase(),
  };

  #isArchived(): boolean {
    const artifact = this.rows.artifacts.get(1);
    const key = artifact ? artifactObjectKey(artifact) : null;
    return key !== null && this.objects.objects.has(key);
  }

  /** GitLab's append: refused where the chunk does not reach that far. */
  #append(): void {
    const [from, length] = [this.written, 40_000];
    const index = Math.floor(from / chunkBytes);
    const within = from % chunkBytes;
    const bytes = bytesOf(1, from, Math.min(length, chunkBytes - within));
    const chunk = this.rows.chunksOf(1).find((one) => one.index === index);
    const data = chunk ? (this.dataOf(chunk) ?? Buffer.alloc(0)) : Buffer.alloc(0);
    if (data.length !== within || (!chunk && within > 0)) return;
    if (chunk) this.put(chunk, Buffer.concat([data, bytes]));
    else this.chunk(1, index, 4, bytes);
    this.written += bytes.length;
  }

  /** Data first, then the row, then the old data. */
  #flush(): void {
    const chunk = this.rows.chunksOf(1).find(({ store }) => store === 4);
    const bytes = chunk && this.dataOf(chunk);
    if (!chunk || !bytes) return;
    const flushed = { ...chunk, store: 3, lockVersion: chunk.lockVersion + 1 };
    this.put(flushed, bytes);
    this.rows.chunks.set(chunk.id, flushed);
    this.traceChunks.data.clear();
    for (const other of this.rows.chunksOf(1).filter(({ store }) => store === 4)) {
      const from = other.index * chunkBytes;
      const length = Math.min(chunkBytes, this.written - from);
      this.put(other, bytesOf(1, from, length));
    }
  }

  /** Under GitLab's lease: its row is committed, the upload comes later, or never. */
  #gitlabBegins(): void {
    if (this.leases.held.has(1) || this.rows.artifacts.has(1)) return;
    const data = this.rows.chunksOf(1).map((chunk) => this.dataOf(chunk));
    if (data.length === 0 || data.includes(undefined)) return;
    const bytes = Buffer.concat(data as Buffer[]);
    this.#upload = { key: this.gitlabRow(1, bytes.length), bytes };
  }

  #gitlabUploads(): void {
    if (!this.#upload || this.rows.artifacts.get(1)?.fileFinalPath != null) return;
    this.objects.objects.set(this.#upload.key, this.#upload.bytes);
    this.#upload = undefined;
  }

  /** GitLab takes chunks, data, row and object away. */
  #erase(): void {
    if (this.leases.held.has(1)) return;
    const artifact = this.rows.artifacts.get(1);
    const key = artifact ? artifactObjectKey(artifact) : null;
    for (const chunk of this.rows.chunksOf(1)) {
      this.lose(chunk);
      this.rows.chunks.delete(chunk.id);
    }
    this.rows.artifacts.delete(1);
    if (key !== null) this.objects.objects.delete(key);
    const build = this.rows.builds.get(1);
    if (build) build.isErased = true;
    this.isErased = true;
  }

  /** I1: object first, and then whatever the chunks have beyond it. I2: no data is gone but what an object of ours has. */
  check(): void {
    if (this.isErased) return;
    const expected = bytesOf(1, 0, this.written);
    const artifact = this.rows.artifacts.get(1);
    const key = artifact ? artifactObjectKey(artifact) : null;
    const object = (key === null ? undefined : this.objects.objects.get(key)) ?? Buffer.alloc(0);
    expect(object.equals(expected.subarray(0, object.length))).toBe(true);
    let position = object.length;
    for (const chunk of this.rows.chunksOf(1)) {
      const data = this.dataOf(chunk);
      const from = chunk.index * chunkBytes;
      if (!data) expect([chunk.index, position > from]).toEqual([chunk.index, true]);
      if (data && from <= position) position = Math.max(position, from + data.length);
    }
    expect(position).toBe(expected.length);
  }
}

const deliver = async (life: Life, reach: (step: Step) => void): Promise<void> => {
  // A killed process leaves its lease; Redis ends it.
  life.leases.held.clear();
  await life
    .archiver({ reach })(record(1))
    .catch(() => []);
  life.check();
};

const event = fc.record({ at: fc.constantFrom(...archiverSteps), act: fc.constantFrom(...acts) });
const delivery = fc.record({
  events: fc.array(event, { maxLength: 4 }),
  before: fc.array(fc.constantFrom(...acts), { maxLength: 3 }),
  crash: fc.option(fc.constantFrom(...archiverSteps)),
});

test('after each step, in every order, no byte is lost and nothing goes before its object is claimed', async () => {
  const sizes = fc.constantFrom(0, 500, chunkBytes - 40_000, chunkBytes, chunkBytes + 500);
  const deliveries = fc.array(delivery, { minLength: 1, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(sizes, deliveries, async (sizeBytes, all) => {
      const life = new Life();
      life.begin(sizeBytes);
      for (const { events, before, crash } of all) {
        for (const act of before) {
          life.do(act);
          life.check();
        }
        await deliver(life, (step) => {
          life.check();
          for (const { at, act } of events) if (at === step) life.do(act);
          life.check();
          if (step === crash) throw new Error('killed');
        });
      }
      await settleDown(life);
    }),
    { numRuns: 150 },
  );
});

/** Once quiet: archived by one of the two, and nothing of ours is left that no row claims. */
async function settleDown(life: Life): Promise<void> {
  life.do('gitlab-fails');
  const row = life.rows.artifacts.get(1);
  if (row) life.rows.artifacts.set(1, { ...row, ageMs: 25 * hourMs });
  for (let time = 0; time < 3; time += 1) await deliver(life, () => undefined);
  if (life.isErased) {
    expect(life.objects.objects.has(ourKey(1))).toBe(false);
    return;
  }
  const artifact = life.rows.artifacts.get(1);
  const isOurs = artifact?.fileFinalPath === ourKey(1);
  expect(life.objects.objects.has(ourKey(1))).toBe(isOurs);
  if (!isOurs) return;
  expect(life.objects.objects.get(ourKey(1))?.length).toBe(life.written);
  expect([life.rows.chunksOf(1), life.chunkKeys()]).toEqual([[], []]);
}
