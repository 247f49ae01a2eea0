/** Redis did not do what it was asked; who it was and why stands in the message. */
export class RedisError extends Error {
  override readonly name = 'RedisError';

  constructor(
    message: string,
    /** It answered and said no (a password, a privilege, a read-only replica): waiting alone may not help. */
    readonly isRefusal: boolean,
    cause: unknown,
  ) {
    super(message, { cause });
  }
}
