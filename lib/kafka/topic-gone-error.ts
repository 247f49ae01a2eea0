/** The error for a topic that was deleted while its group reads it. kafkajs would retry silently for a day. */
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
