/**
 * The leases of one batch: the trace's, against GitLab's appends, and each chunk's own, against its flush. They are not
 * renewed: a batch is short, and takes them once more before its commit.
 */
import type { HeldLease } from '../ports';
import type { Choice } from './choose';
import type { ChunkLease } from './ports';
import type { GuardDependencies } from './dependencies';

type LeaseDependencies = Pick<GuardDependencies, 'leases' | 'chunkLeases' | 'logger'>;

export class GuardLeases {
  readonly #dependencies: LeaseDependencies;
  readonly #traces: readonly HeldLease[];
  readonly #chunks: readonly ChunkLease[];

  private constructor(
    dependencies: LeaseDependencies,
    traces: readonly HeldLease[],
    chunks: readonly ChunkLease[],
  ) {
    this.#dependencies = dependencies;
    this.#traces = traces;
    this.#chunks = chunks;
  }

  static async take(
    dependencies: LeaseDependencies,
    batch: readonly Choice[],
  ): Promise<GuardLeases> {
    const buildIds = [...new Set(batch.map(({ trace }) => trace.buildId))];
    const answers = await dependencies.leases.acquire(buildIds);
    const traces = answers.flatMap(({ jobId, token }) => (token === null ? [] : { jobId, token }));
    const ours = new Set(traces.map(({ jobId }) => jobId));
    try {
      const wanted = batch
        .filter(({ trace }) => ours.has(trace.buildId))
        .map(({ trace, row }) => ({ buildId: trace.buildId, index: row.index }));
      return new GuardLeases(dependencies, traces, await dependencies.chunkLeases.acquire(wanted));
    } catch (error) {
      await new GuardLeases(dependencies, traces, []).release();
      throw error;
    }
  }

  /** Whether both leases of the chunk were free; a chunk leased elsewhere is left alone. */
  has({ trace, row }: Choice): boolean {
    return this.#chunks.some(
      ({ buildId, index }) => buildId === trace.buildId && index === row.index,
    );
  }

  /** Takes them now; from the answer on all of them last as long as new ones. */
  async areStillOurs(): Promise<boolean> {
    const { leases, chunkLeases } = this.#dependencies;
    const lost = await leases.renew(this.#traces);
    return lost.length === 0 && (await chunkLeases.renew(this.#chunks));
  }

  /** Leases that Redis does not release now end by themselves. */
  async release(): Promise<void> {
    const { leases, chunkLeases, logger } = this.#dependencies;
    try {
      if (this.#chunks.length > 0) await chunkLeases.release(this.#chunks);
      if (this.#traces.length > 0) await leases.release(this.#traces);
    } catch (error) {
      logger.info({ event: 'leases.not-released', err: error }, 'leases end by themselves');
    }
  }
}
