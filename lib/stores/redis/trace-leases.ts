/** GitLab's exclusive lease on a whole trace, taken in GitLab's way, so that the two never work at the same time. */
import { randomUUID } from 'node:crypto';
import { traceLeaseKey } from '../../gitlab/trace-chunks';
import { loadScript, type RedisConnection, type ScriptCall } from './connection';
import { RedisError } from './errors';
import { RedisLeaseReserve } from './lease-reserve';
import { asInteger, asList, asOneOf } from './replies';

interface LeaseAnswer {
  readonly jobId: number;
  /** Null when it is held elsewhere. */
  readonly token: string | null;
  /** Until it ends by itself. */
  readonly leftMs: number;
  /** Redis has no room: work that frees memory comes first. */
  readonly isFull: boolean;
}

/** A lease that this process holds, or held. */
interface HeldLease {
  readonly jobId: number;
  readonly token: string;
}

const renewLease = loadScript('renew-lease');
const releaseLease = loadScript('release-lease');
const takeLeaseWhenFull = loadScript('take-lease-when-full');

export class RedisTraceLeases {
  readonly #redis: RedisConnection;
  readonly #reserve: RedisLeaseReserve;
  readonly #ttlMs: number;

  /** @param ttlMs an unrenewed lease ends after this: so long a crash keeps others waiting. */
  constructor(redis: RedisConnection, ttlMs: number) {
    this.#redis = redis;
    this.#reserve = new RedisLeaseReserve(redis);
    this.#ttlMs = ttlMs;
  }

  /**
   * One round trip, and two more in a full Redis; one answer for each job, in their order.
   * @throws RedisError; leases taken before it end by themselves.
   */
  async acquire(jobIds: readonly number[]): Promise<LeaseAnswer[]> {
    const answers = await this.#take(jobIds);
    const refused = jobIds.filter((_, index) => answers[index] === undefined);
    const whenFull = await this.#takeWhenFull(refused);
    return jobIds.flatMap((jobId, index) => answers[index] ?? whenFull.get(jobId) ?? []);
  }

  /** @returns undefined for those that a full Redis has refused. */
  async #take(jobIds: readonly number[]): Promise<(LeaseAnswer | undefined)[]> {
    const tokens = jobIds.map(() => randomUUID());
    const replies = await this.#redis.replies((commands) => {
      jobIds.forEach((jobId, index) => {
        const key = traceLeaseKey(jobId);
        commands.set(key, tokens[index] ?? '', 'PX', this.#ttlMs, 'NX').pttl(key);
      });
    });
    return jobIds.map((jobId, index) => {
      const [taken, left] = replies.slice(index * 2, index * 2 + 2);
      if (taken instanceof RedisError && taken.isFull) return undefined;
      for (const reply of [taken, left]) if (reply instanceof RedisError) throw reply;
      const token = asOneOf(taken, ['OK', null], 'SET') === 'OK' ? (tokens[index] ?? null) : null;
      return { jobId, token, leftMs: asInteger(left, 'PTTL'), isFull: false };
    });
  }

  /** Two round trips. @throws RedisError when a script gets no room either. */
  async #takeWhenFull(jobIds: readonly number[]): Promise<ReadonlyMap<number, LeaseAnswer>> {
    if (jobIds.length === 0) return new Map();
    await this.#reserve.giveBack();
    const leases = jobIds.map((jobId) => ({ jobId, token: randomUUID() }));
    const answers = await this.#redis
      .runScript(takeLeaseWhenFull, this.#callsOf(leases))
      .catch((error: unknown) => {
        throw error instanceof RedisError && error.isFull ? this.#noRoom(error) : error;
      });
    const found = leases.map(({ jobId, token }, index): [number, LeaseAnswer] => {
      const [taken, left] = asList(answers[index], 2, 'a script');
      const isOurs = asOneOf(taken, [1, 0], 'a script') === 1;
      const leftMs = asInteger(left, 'a script');
      return [jobId, { jobId, token: isOurs ? token : null, leftMs, isFull: true }];
    });
    return new Map(found);
  }

  #callsOf(leases: readonly HeldLease[]): ScriptCall[] {
    return leases.map(({ jobId, token }) => ({
      key: traceLeaseKey(jobId),
      args: [token, this.#ttlMs],
    }));
  }

  #noRoom(error: RedisError): RedisError {
    const { address } = this.#redis;
    return new RedisError(
      `Redis at ${address} is full and gives no lease to a script either: nothing is archived, and so nothing freed, before it has room. Raise its maxmemory. It says: ${error.message}`,
      true,
      error,
    );
  }

  /** @returns the jobs whose lease is lost. @throws RedisError when the state is unknown. */
  async renew(leases: readonly HeldLease[]): Promise<number[]> {
    const answers = await this.#redis.runScript(renewLease, this.#callsOf(leases));
    const isOurs = answers.map((answer) => asOneOf(answer, [1, 0], 'a script') === 1);
    return leases.filter((_, index) => isOurs[index] !== true).map(({ jobId }) => jobId);
  }

  async release(leases: readonly HeldLease[]): Promise<void> {
    const calls = leases.map(({ jobId, token }) => ({ key: traceLeaseKey(jobId), args: [token] }));
    await this.#redis.runScript(releaseLease, calls);
  }
}
