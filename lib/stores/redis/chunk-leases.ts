/** GitLab's exclusive leases on single chunks, which its flush takes and nothing else of a trace. */
import { randomUUID } from 'node:crypto';
import { chunkLeaseKey } from '../../gitlab/trace-chunks';
import { loadScript, type RedisConnection, type ScriptCall } from './connection';
import { RedisError } from './errors';
import { RedisLeaseReserve } from './lease-reserve';
import { asList, asOneOf } from './replies';

interface ChunkLease {
  readonly buildId: number;
  readonly index: number;
  readonly token: string;
}

const renewLease = loadScript('renew-lease');
const releaseLease = loadScript('release-lease');
const takeLeaseWhenFull = loadScript('take-lease-when-full');

export class RedisChunkLeases {
  readonly #redis: RedisConnection;
  readonly #reserve: RedisLeaseReserve;
  readonly #ttlMs: number;

  /** @param ttlMs after which a lease ends that is not renewed. */
  constructor(redis: RedisConnection, ttlMs: number) {
    this.#redis = redis;
    this.#reserve = new RedisLeaseReserve(redis);
    this.#ttlMs = ttlMs;
  }

  /**
   * One round trip, and two more in a Redis that is full.
   * @returns the leases that no other client holds. @throws RedisError; what was taken then ends by itself.
   */
  async acquire(
    chunks: readonly { readonly buildId: number; readonly index: number }[],
  ): Promise<ChunkLease[]> {
    const wanted = chunks.map(({ buildId, index }) => ({ buildId, index, token: randomUUID() }));
    const replies = await this.#redis.replies((commands) => {
      for (const { buildId, index, token } of wanted) {
        commands.set(chunkLeaseKey(buildId, index), token, 'PX', this.#ttlMs, 'NX');
      }
    });
    const refused = wanted.filter((_, at) => isFull(replies[at]));
    const taken = wanted.filter((_, at) => !isFull(replies[at]) && isTaken(replies[at]));
    return [...taken, ...(await this.#takeWhenFull(refused))];
  }

  /**
   * As the trace's own lease is taken (ADR 0025). That one may have been the last to fit, so it is not certain that it has
   * given the reserve back.
   */
  async #takeWhenFull(wanted: readonly ChunkLease[]): Promise<ChunkLease[]> {
    if (wanted.length === 0) return [];
    await this.#reserve.giveBack();
    const answers = await this.#redis.runScript(takeLeaseWhenFull, this.#callsOf(wanted));
    return wanted.filter(
      (_, at) => asOneOf(asList(answers[at], 2, 'a script')[0], [1, 0], 'a script') === 1,
    );
  }

  #callsOf(leases: readonly ChunkLease[]): ScriptCall[] {
    return leases.map(({ buildId, index, token }) => ({
      key: chunkLeaseKey(buildId, index),
      args: [token, this.#ttlMs],
    }));
  }

  /** @returns whether all of them are still ours, for as long as a new one. @throws RedisError when that is not known. */
  async renew(leases: readonly ChunkLease[]): Promise<boolean> {
    const answers = await this.#redis.runScript(renewLease, this.#callsOf(leases));
    return answers.every((answer) => asOneOf(answer, [1, 0], 'a script') === 1);
  }

  async release(leases: readonly ChunkLease[]): Promise<void> {
    const calls = leases.map(({ buildId, index, token }) => ({
      key: chunkLeaseKey(buildId, index),
      args: [token],
    }));
    await this.#redis.runScript(releaseLease, calls);
  }
}

const isFull = (reply: unknown): boolean => reply instanceof RedisError && reply.isFull;

function isTaken(reply: unknown): boolean {
  if (reply instanceof RedisError) throw reply;
  return asOneOf(reply, ['OK', null], 'SET') === 'OK';
}
