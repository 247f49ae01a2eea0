/** A build whose trace GitLab writes, flushes, archives and erases in memory, and what a reader finds of it. */
import { artifactObjectKey } from '../../../lib/gitlab/object-key';
import { chunkBytes, chunkRedisKey } from '../../../lib/gitlab/trace-chunks';
import { MemoryChunkLeases } from './memory-chunk-moves';
import type { MemoryChunk } from './memory-traces';
import { bytesOf, TraceGround } from './trace-archive';

/** Actions of GitLab on the build between two of our steps. */
export const acts = [
  'append',
  'append-stalled',
  'flush',
  'gitlab-row',
  'gitlab-upload',
  'gitlab-fails',
  'erase',
] as const;
type Act = (typeof acts)[number];

export class Life extends TraceGround {
  readonly chunkLeases = new MemoryChunkLeases();
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
    // Bytes appended to an empty trace after its row's commit are logged, and cannot be saved (README).
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
    if (chunk) this.#write(chunk, Buffer.concat([data, bytes]));
    else this.chunk(1, index, 4, bytes);
    this.written += bytes.length;
  }

  /** Only what the database holds changes its row. */
  #write(chunk: MemoryChunk, bytes: Buffer): void {
    this.put(chunk, bytes);
    const row = this.rows.chunks.get(chunk.id);
    if (row?.store !== 2) return;
    this.rows.chunks.set(row.id, { ...row, lockVersion: row.lockVersion + 1 });
  }

  /** Under the chunk's lease: data first, then the row, then the old data. */
  #flush(): void {
    const chunk = this.rows.chunksOf(1).find(({ store }) => store === 4);
    const bytes = chunk && this.dataOf(chunk);
    if (!chunk || !bytes || this.chunkLeases.has(1, chunk.index)) return;
    const flushed = { ...chunk, store: 3, lockVersion: chunk.lockVersion + 1 };
    this.put(flushed, bytes);
    this.rows.chunks.set(chunk.id, flushed);
    this.traceChunks.data.delete(chunkRedisKey(1, chunk.index));
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

  /** GitLab removes chunks, data, row and object. */
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

  /**
   * I1: object first, and then the bytes of the chunks beyond it. I2: data is removed only when an object of ours has
   * it.
   */
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
