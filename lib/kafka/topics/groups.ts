/** Groups as an operator's tools see them: where a time lies in a topic, who is a member, and the end of a group. */
import type { Admin, Kafka } from 'kafkajs';
import { asError } from '../../process/is-error';
import { groupNeed, needing, principalOf, topicNeed, type Need } from '../missing-right';

/** Group and topic names are full names, namespace included. */
export interface GroupAdmin {
  connect(): Promise<void>;
  /**
   * By partition: the offset of the first record whose time is this or later, or the end of the log when there is none.
   *
   * @param atMs milliseconds since the epoch, by the time stamps of the records.
   */
  firstSince(topic: string, atMs: number): Promise<ReadonlyMap<number, number>>;
  /** Where its members run; empty for a group that does not exist. */
  members(group: string): Promise<readonly string[]>;
  /** Removes its offsets; a group that does not exist is fine. @throws Error while it has members. */
  remove(group: string): Promise<void>;
  disconnect(): Promise<void>;
}

export function createGroupAdmin(kafka: Kafka): GroupAdmin {
  const retry = { retries: 8, initialRetryTime: 100, maxRetryTime: 2_000 };
  return new KafkaJsGroupAdmin(kafka.admin({ retry }), principalOf(kafka));
}

class KafkaJsGroupAdmin implements GroupAdmin {
  constructor(
    private readonly admin: Admin,
    private readonly principal: string,
  ) {}

  connect(): Promise<void> {
    return this.admin.connect();
  }

  disconnect(): Promise<void> {
    return this.admin.disconnect();
  }

  async firstSince(topic: string, atMs: number): Promise<ReadonlyMap<number, number>> {
    const found = await this.#needing([topicNeed('DESCRIBE', topic)], () =>
      this.admin.fetchTopicOffsetsByTimestamp(topic, atMs),
    );
    return new Map(found.map(({ partition, offset }) => [partition, Number(offset)]));
  }

  async members(group: string): Promise<readonly string[]> {
    const { groups } = await this.#needing([groupNeed('DESCRIBE', group)], () =>
      this.admin.describeGroups([group]),
    );
    // The broker writes `/127.0.0.1`.
    return groups.flatMap(({ members }) =>
      members.map(({ clientHost }) => clientHost.replace(/^\//, '')),
    );
  }

  async remove(group: string): Promise<void> {
    await this.#needing([groupNeed('DELETE', group)], async () => {
      try {
        await this.admin.deleteGroups([group]);
      } catch (error) {
        const refusal = refusalOf(error);
        if (refusal.type !== 'GROUP_ID_NOT_FOUND') throw refusal;
      }
    });
  }

  #needing<T>(needs: readonly Need[], ask: () => Promise<T>): Promise<T> {
    return needing(this.principal, needs, ask);
  }
}

/** kafkajs hides the refusal of each group inside one error. */
function refusalOf(error: unknown): Error & { readonly type?: string } {
  const { groups } = error as { readonly groups?: readonly { readonly error?: Error }[] };
  return groups?.[0]?.error ?? asError(error);
}
