/** Leases and missing chunks in memory, for tests of the archive; conformance tests compare them with Redis. */
import { randomUUID } from 'node:crypto';
import type { TraceLeases } from '../../../consumers/trace-archiver/ports';

export class MemoryTraceLeases implements TraceLeases {
  readonly held = new Map<number, string>();
  leftMs = 30_000;
  isFull = false;

  acquire(jobIds: readonly number[]) {
    const { leftMs, isFull } = this;
    const answers = jobIds.map((jobId) => {
      if (this.held.has(jobId)) return { jobId, token: null, leftMs, isFull };
      const token = randomUUID();
      this.held.set(jobId, token);
      return { jobId, token, leftMs, isFull };
    });
    return Promise.resolve(answers);
  }

  renew(leases: readonly { jobId: number; token: string }[]): Promise<number[]> {
    const lost = leases.filter(({ jobId, token }) => this.held.get(jobId) !== token);
    return Promise.resolve(lost.map(({ jobId }) => jobId));
  }

  release(leases: readonly { jobId: number; token: string }[]): Promise<void> {
    for (const { jobId, token } of leases) {
      if (this.held.get(jobId) === token) this.held.delete(jobId);
    }
    return Promise.resolve();
  }
}

export class MemoryMissingChunks {
  readonly notes = new Map<string, { which: string; reads: number; firstMs: number }>();
  isFull = false;

  note(
    { partitionId, buildId }: { partitionId: number; buildId: number },
    indexes: readonly number[],
    nowMs: number,
  ): Promise<{ reads: number; firstMs: number } | undefined> {
    if (this.isFull) return Promise.resolve(undefined);
    const key = `${partitionId}:${buildId}`;
    const which = indexes.join(',');
    const known = this.notes.get(key);
    const note = known?.which === which ? known : { which, reads: 0, firstMs: nowMs };
    note.reads += 1;
    this.notes.set(key, note);
    return Promise.resolve(note);
  }

  forget({ partitionId, buildId }: { partitionId: number; buildId: number }): Promise<void> {
    this.notes.delete(`${partitionId}:${buildId}`);
    return Promise.resolve();
  }
}
