/** The leases of one pass: taken before anything is read, renewed during the work, released at its end. */
import { retry, skip } from '../../lib/runtime/outcome';
import { RecordBusyError } from '../../lib/runtime/record-errors';
import { leaseEndsSoon } from './decide';
import type { Job } from './job';
import type { HeldLease } from './ports';
import type { Dependencies } from './dependencies';

type LeaseDependencies = Pick<Dependencies, 'leases' | 'leaseMs' | 'clock' | 'logger'>;

export class HeldLeases {
  readonly #dependencies: LeaseDependencies;
  readonly #held: Map<number, HeldLease>;
  readonly #stopRenewing: () => void;
  /** Redis is full: work that frees memory comes first. */
  readonly isFull: boolean;

  private constructor(
    dependencies: LeaseDependencies,
    held: readonly HeldLease[],
    isFull: boolean,
  ) {
    this.#dependencies = dependencies;
    this.isFull = isFull;
    this.#held = new Map(held.map((lease) => [lease.jobId, lease]));
    this.#stopRenewing = dependencies.clock.every(dependencies.leaseMs / 3, () => {
      // When Redis does not answer now, it is asked again before anything is committed.
      this.#renew().catch(() => undefined);
    });
  }

  /** A job whose trace is leased elsewhere gets its outcome here. */
  static async take(dependencies: LeaseDependencies, jobs: readonly Job[]): Promise<HeldLeases> {
    const answers = await dependencies.leases.acquire(jobs.map(({ owner }) => owner.buildId));
    const held: HeldLease[] = [];
    answers.forEach(({ jobId, token, leftMs }, at) => {
      const job = jobs[at];
      if (token !== null) held.push({ jobId, token });
      else if (job) refuse(job, leaseEndsSoon(leftMs, dependencies.leaseMs));
    });
    const isFull = answers.some((answer) => answer.isFull);
    return new HeldLeases(dependencies, held, isFull);
  }

  /** Renews now; a job whose lease is lost is dropped in any state: its record comes again. */
  async confirm(jobs: readonly Job[]): Promise<void> {
    await this.#renew();
    for (const job of jobs) {
      if (job.outcome || this.#held.has(job.owner.buildId)) continue;
      const lost = `The lease on the trace of build ${job.owner.buildId} was lost while it was archived.`;
      job.outcome = retry(new RecordBusyError(lost));
    }
  }

  /** Leases that Redis does not release now end by themselves. */
  async release(): Promise<void> {
    this.#stopRenewing();
    if (this.#held.size === 0) return;
    await this.#dependencies.leases.release([...this.#held.values()]).catch((error: unknown) => {
      const event = 'leases.not-released';
      this.#dependencies.logger.info({ event, err: error }, 'leases end by themselves');
    });
  }

  async #renew(): Promise<void> {
    if (this.#held.size === 0) return;
    const lost = await this.#dependencies.leases.renew([...this.#held.values()]);
    for (const jobId of lost) this.#held.delete(jobId);
  }
}

function refuse(job: Job, endsSoon: boolean): void {
  const reason = 'another process is writing or archiving the trace';
  if (endsSoon) {
    const locked = `The trace of build ${job.owner.buildId} is locked: ${reason}.`;
    job.outcome = retry(new RecordBusyError(locked));
    return;
  }
  job.outcome = skip(reason);
  job.note = { event: 'trace.waits', reason };
}
