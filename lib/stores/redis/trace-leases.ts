/** GitLab's exclusive lease on a whole trace, taken as GitLab takes it, so that neither works beside the other. */
import { randomUUID } from 'node:crypto';
import { traceLeaseKey } from '../../gitlab/trace-chunks';
import { loadScript, type RedisConnection } from './connection';
import { asInteger, asOneOf } from './replies';

export interface LeaseAnswer {
  readonly jobId: number;
  /** Null when somebody else has it. */
  readonly token: string | null;
  /** Until it ends by itself. */
  readonly leftMs: number;
}

/** A lease that we hold, or held. */
export interface HeldLease {
  readonly jobId: number;
  readonly token: string;
}

const renewLease = loadScript('renew-lease');
const releaseLease = loadScript('release-lease');

export class RedisTraceLeases {
  readonly #redis: RedisConnection;
  readonly #ttlMs: number;

  /** @param ttlMs after which a lease ends that nobody renews: how long a crash keeps others waiting. */
  constructor(redis: RedisConnection, ttlMs: number) {
    this.#redis = redis;
    this.#ttlMs = ttlMs;
  }

  /** One round trip; one answer a job, in their order. @throws RedisError; what was taken then ends by itself. */
  async acquire(jobIds: readonly number[]): Promise<LeaseAnswer[]> {
    const tokens = jobIds.map(() => randomUUID());
    const answers = await this.#redis.pipeline((commands) => {
      jobIds.forEach((jobId, index) => {
        const key = traceLeaseKey(jobId);
        commands.set(key, tokens[index] ?? '', 'PX', this.#ttlMs, 'NX').pttl(key);
      });
    });
    return jobIds.map((jobId, index) => ({
      jobId,
      token:
        asOneOf(answers[index * 2], ['OK', null], 'SET') === 'OK' ? (tokens[index] ?? null) : null,
      leftMs: asInteger(answers[index * 2 + 1], 'PTTL'),
    }));
  }

  /** @returns the jobs whose lease is not ours any more. @throws RedisError when nobody knows. */
  async renew(leases: readonly HeldLease[]): Promise<number[]> {
    const calls = leases.map(({ jobId, token }) => ({
      key: traceLeaseKey(jobId),
      args: [token, this.#ttlMs],
    }));
    const answers = await this.#redis.runScript(renewLease, calls);
    const isOurs = answers.map((answer) => asOneOf(answer, [1, 0], 'a script') === 1);
    return leases.filter((_, index) => isOurs[index] !== true).map(({ jobId }) => jobId);
  }

  async release(leases: readonly HeldLease[]): Promise<void> {
    const calls = leases.map(({ jobId, token }) => ({ key: traceLeaseKey(jobId), args: [token] }));
    await this.#redis.runScript(releaseLease, calls);
  }
}
