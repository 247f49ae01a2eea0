/** A topic was deleted under the group that reads it. kafkajs would try again for a day, in silence. */
export class TopicGoneError extends Error {
  override readonly name = 'TopicGoneError';

  constructor(topics: readonly { readonly topic: string }[], cause: Error) {
    super(
      `A topic was deleted while its group was reading: one of ${topics.map(({ topic }) => topic).join(', ')}. ` +
        'Create it anew (afterbuild topics apply); a full sweep names again what its records named.',
      { cause },
    );
  }
}
