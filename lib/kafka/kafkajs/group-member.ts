/**
 * Keeps a process in its group, and knows whether it still is a member. It stands behind the coordinator that kafkajs
 * calls.
 *
 * - Heartbeats come from a timer of ours. Those of kafkajs are sent by its fetch loop: one broker that does not answer
 *   a fetch delays them. A heartbeat of kafkajs gets the group's last answer.
 * - After a join that failed on its side, kafkajs goes on fetching with its old membership and emits no event, while
 *   the drain keeps all partitions suspended. Its next heartbeat is answered with "join again". Without a member name
 *   it never sends one: then a later join that would succeed fails with an error that makes kafkajs join again at once.
 * - Each answer proves the membership for a while (`membership-lease.ts`).
 */
import { KafkaJSError } from 'kafkajs';
import type { Clock } from '../../process/clock';
import type { Logger } from '../../process/logger';
import { typeOf } from './client-errors';
import type { MembershipTimes } from '../client-port';
import { isLost, type Coordinator } from './coordinator';
import type { InnerBroker, Membership } from './internals';
import { MembershipLease } from './membership-lease';
import { asError } from '../../process/is-error';

interface GroupMemberOptions {
  readonly coordinator: Coordinator;
  readonly groupId: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly nowMs: () => number;
  readonly sessionTimeoutMs: number;
  readonly heartbeatEveryMs: number;
  /** Membership is proved again after a gap, or for the first time. */
  readonly onProved: () => void;
  /** The group wants a join: the requests that kafkajs still waits for delay it. */
  readonly onJoinWanted: () => void;
}

const lookEveryMs = 250;
/** An unanswered heartbeat is sent again after this. */
const againAfterMs = 500;
/** kafkajs goes from one step of a join to the next within microseconds. */
const stepLimitMs = 1_000;

/** The answer of kafkajs that is a join. */
class JoinAgainError extends KafkaJSError {
  readonly type = 'REBALANCE_IN_PROGRESS';

  constructor(message: string, cause?: Error) {
    super(message, { retriable: true, ...(cause && { cause }) });
  }
}

/** An error that makes kafkajs join under a new name. */
const unknownMember = 'UNKNOWN_MEMBER_ID';

/** An error that no other join would mend ends the consumer, for example a missing right. */
function asJoinError(error: Error): Error {
  const type = typeOf(error);
  const isRefusal = type === unknownMember || type.endsWith('_AUTHORIZATION_FAILED');
  const mayPass = (error as Partial<KafkaJSError>).retriable === true;
  if (!mayPass || isRefusal) return error;
  return new JoinAgainError(`A join has failed: ${error.message}`, error);
}

export class GroupMember {
  readonly #options: GroupMemberOptions;
  readonly #lease: MembershipLease;
  #membership: Membership | null = null;
  /** The group's answer to that membership: it must join again, or is not known. */
  #verdict: Error | null = null;
  #memberSinceMs: number | null = null;
  #joiningSinceMs: number | null = null;
  #lastProofSentAtMs: number | null = null;
  /** The steps of a join under way, and when the last one ended. */
  #steps = 0;
  #stepEndedAtMs = 0;
  #isDraining = false;
  #beating = false;
  #nextBeatAtMs = 0;
  #endBeats: () => void = () => undefined;

  constructor(options: GroupMemberOptions) {
    this.#options = options;
    this.#lease = new MembershipLease(options.sessionTimeoutMs, options.nowMs);
  }

  get membership(): Membership | null {
    return this.#membership;
  }

  get times(): MembershipTimes {
    return {
      memberSinceMs: this.#memberSinceMs,
      joiningSinceMs: this.#joiningSinceMs,
      lastProofSentAtMs: this.#lastProofSentAtMs,
    };
  }

  get isProved(): boolean {
    return this.#lease.holds;
  }

  start(): void {
    this.#endBeats();
    this.#endBeats = this.#options.clock.every(lookEveryMs, () => this.#look());
  }

  stop(): void {
    this.#endBeats();
  }

  /** kafkajs has an assignment. */
  joined(): void {
    this.#memberSinceMs ??= this.#options.clock.nowMs();
    this.#joiningSinceMs = null;
  }

  /** kafkajs has given up, and perhaps starts again under another name. */
  left(): void {
    this.#membership = null;
    this.#verdict = null;
    this.#memberSinceMs = null;
    this.#lease.revoke();
  }

  /** Part of a join: while one runs, nothing is wrong with it. */
  async step<T>(work: () => Promise<T>): Promise<T> {
    this.#joiningSinceMs ??= this.#options.clock.nowMs();
    this.#steps += 1;
    try {
      return await work();
    } finally {
      this.#steps -= 1;
      this.#stepEndedAtMs = this.#options.nowMs();
    }
  }

  /** Before a join. Heartbeats go on: the group counts them, although it answers with an error. */
  drain(work: () => Promise<void>): Promise<void> {
    return this.step(async () => {
      this.#isDraining = true;
      try {
        await work();
      } finally {
        this.#isDraining = false;
      }
    });
  }

  async join(request: unknown): Promise<{ memberId: string; generationId: number }> {
    const { coordinator, groupId, logger } = this.#options;
    const answer = await this.step(async () => {
      try {
        return await coordinator.requestUntilAnswered((broker) => broker.joinGroup(request));
      } catch (error) {
        logger.debug({ event: 'join.failed', err: asError(error) }, 'join');
        throw asJoinError(asError(error));
      }
    });
    this.#membership = {
      groupId,
      memberId: answer.memberId,
      groupGenerationId: answer.generationId,
    };
    this.#verdict = null;
    return answer;
  }

  /** Not repeated: only another join can find out what the group did meanwhile. */
  async sync(request: unknown): Promise<unknown> {
    let sentAtMs = 0;
    try {
      const answer = await this.step(() =>
        this.#options.coordinator.request((broker) => {
          sentAtMs = this.#options.nowMs();
          return broker.syncGroup(request);
        }, this.#options.sessionTimeoutMs),
      );
      this.#prove(sentAtMs);
      return answer;
    } catch (error) {
      if (!isLost(asError(error))) throw error;
      throw new JoinAgainError('The coordinator was lost before it gave an assignment.');
    }
  }

  /** The heartbeat call of kafkajs. @throws the error that makes it join again. */
  heartbeat({ memberId, groupGenerationId }: Membership): Promise<void> {
    const own = this.#membership;
    const isOwn = own?.memberId === memberId && own.groupGenerationId === groupGenerationId;
    if (isOwn && this.#verdict) return Promise.reject(this.#verdict);
    const isStuck =
      this.#joiningSinceMs !== null &&
      this.#steps === 0 &&
      this.#options.nowMs() > this.#stepEndedAtMs + stepLimitMs;
    if (!isStuck) return Promise.resolve();
    return Promise.reject(new JoinAgainError('A join has ended without an assignment.'));
  }

  #look(): void {
    const membership = this.#membership;
    // On the coordinator's connection a heartbeat would wait behind the join, and the join proves as much.
    if (!membership || this.#beating || (this.#steps > 0 && !this.#isDraining)) return;
    const nowMs = this.#options.nowMs();
    if (nowMs < this.#nextBeatAtMs) return;
    this.#nextBeatAtMs = nowMs + this.#options.heartbeatEveryMs;
    this.#beating = true;
    void this.#beat(membership).finally(() => (this.#beating = false));
  }

  async #beat(membership: Membership): Promise<void> {
    let sentAtMs = 0;
    const send = (broker: InnerBroker): Promise<unknown> => {
      sentAtMs = this.#options.nowMs();
      return broker.heartbeat(membership);
    };
    try {
      await this.#options.coordinator.request(send);
      if (membership === this.#membership) this.#prove(sentAtMs);
    } catch (error) {
      this.#nextBeatAtMs = this.#options.nowMs() + againAfterMs;
      this.#judge(membership, asError(error), sentAtMs);
    }
  }

  #judge(membership: Membership, error: Error, sentAtMs: number): void {
    if (membership !== this.#membership) return;
    const type = typeOf(error);
    this.#options.logger.debug({ event: 'heartbeat.failed', err: error }, 'heartbeat');
    if (type === 'REBALANCE_IN_PROGRESS') this.#prove(sentAtMs);
    else if (type === unknownMember || type === 'ILLEGAL_GENERATION') {
      this.#lease.revoke();
      this.#memberSinceMs = null;
    } else return;
    this.#verdict = error;
    this.#options.onJoinWanted();
  }

  #prove(sentAtMs: number): void {
    this.#lastProofSentAtMs = this.#options.clock.nowMs() - (this.#options.nowMs() - sentAtMs);
    if (this.#lease.prove(sentAtMs)) this.#options.onProved();
  }
}
