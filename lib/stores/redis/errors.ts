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

  /** It is at its memory limit: what reads, removes or renames still works, what adds is refused. */
  get isFull(): boolean {
    return this.isRefusal && /\bOOM command not allowed\b/.test(this.message);
  }
}

/** It is not the server, or not in the state, that it was: a new connection may reach the one that is wanted. */
const roleRefusals =
  /\b(READONLY|MASTERDOWN|LOADING|MOVED|ASK|CLUSTERDOWN|TRYAGAIN|NOREPLICAS|UNBLOCKED)\b/;

/** @param message as Redis words it; an error inside a script stands in a longer sentence. */
export const isRefusalByRole = (message: string): boolean => roleRefusals.test(message);
