/**
 * Which instances Kafka counts as members of their group, and what each of them holds. Pure.
 *
 * While a group shares out its partitions anew Kafka names its members only by their ids, so the names that they had
 * before are kept here.
 */
import type { WatchedGroup } from '../../lib/kafka/kafkajs/kafka-watch';

export interface Membership {
  /** Names of the instances that are members. */
  readonly instances: ReadonlySet<string>;
  /** Members of which nobody knows yet which instance they are. */
  readonly unnamed: number;
  /** `<topic>/<partition>` to the instance that holds it; empty while the group shares them out. */
  readonly holders: ReadonlyMap<string, string>;
  /** The group shares out its partitions just now. */
  readonly isSharing: boolean;
}

export const placeOf = (topic: string, partition: number): string => `${topic}/${partition}`;

export class Memberships {
  /** By member id. */
  readonly #names = new Map<string, string>();

  learn({ state, members }: WatchedGroup): Membership {
    for (const { memberId, instance } of members) {
      if (instance !== null) this.#names.set(memberId, instance);
    }
    const named = members.flatMap(({ memberId, partitions }) => {
      const instance = this.#names.get(memberId);
      return instance === undefined ? [] : [{ instance, partitions }];
    });
    const holders = named.flatMap(({ instance, partitions }) =>
      Object.entries(partitions).flatMap(([topic, own]) =>
        own.map((partition): [string, string] => [placeOf(topic, partition), instance]),
      ),
    );
    return {
      instances: new Set(named.map(({ instance }) => instance)),
      unnamed: members.length - named.length,
      holders: new Map(holders),
      isSharing: state === 'PreparingRebalance' || state === 'CompletingRebalance',
    };
  }

  /** Members that are gone for good are forgotten, so that the names do not grow without end. */
  forgetAllBut(memberIds: ReadonlySet<string>): void {
    for (const id of this.#names.keys()) if (!memberIds.has(id)) this.#names.delete(id);
  }
}
