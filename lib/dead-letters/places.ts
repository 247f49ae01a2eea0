/** The dead-letter topics of a namespace, each with its group, its origin and its related topics. */
import { failureGroups, failureTopics, retryDelays } from '../kafka/topics/topics';

/** Full names all of them, namespace included. */
export interface DeadLetterPlace {
  readonly group: string;
  /** The topic that the dead letters come from, and that a redrive writes to. */
  readonly originTopic: string;
  readonly topic: string;
  readonly parkedTopic: string;
  /** Empty when the group has none. */
  readonly retryTopics: readonly string[];
}

export function deadLetterPlaces(namespace: string): DeadLetterPlace[] {
  return failureGroups.map(({ topic, group, retries }) => ({
    group: `${namespace}${group}`,
    originTopic: `${namespace}${topic}`,
    topic: `${namespace}${failureTopics.deadLetters(topic, group)}`,
    parkedTopic: `${namespace}${failureTopics.parked(topic, group)}`,
    retryTopics: retries
      ? retryDelays.map((delay) => `${namespace}${failureTopics.retry(topic, group, delay)}`)
      : [],
  }));
}

/**
 * @param names with or without the namespace; `topic` is the origin's name or the dead-letter topic's.
 */
export function placesOf(
  places: readonly DeadLetterPlace[],
  namespace: string,
  names: { readonly group?: string | undefined; readonly topic?: string | undefined },
): DeadLetterPlace[] {
  const isNamed = (wanted: string | undefined, ...full: readonly string[]): boolean =>
    wanted === undefined || full.includes(wanted) || full.includes(`${namespace}${wanted}`);
  return places.filter(
    (place) =>
      isNamed(names.group, place.group) && isNamed(names.topic, place.originTopic, place.topic),
  );
}
