/** The error for a Redis command that was not carried out; its message names the server and the reason. */
export class RedisError extends Error {
  override readonly name = 'RedisError';

  constructor(
    message: string,
    /** A refusal (a password, a privilege, a read-only replica): waiting alone may not help. */
    readonly isRefusal: boolean,
    cause: unknown,
  ) {
    super(message, { cause });
  }

  /** It is at its memory limit: commands that read, remove or rename still work, commands that add are refused. */
  get isFull(): boolean {
    return this.isRefusal && /\bOOM command not allowed\b/.test(this.message);
  }
}

/** It is not the expected server, or not in the expected state: a new connection may reach the right one. */
const roleRefusals =
  /\b(READONLY|MASTERDOWN|LOADING|MOVED|ASK|CLUSTERDOWN|TRYAGAIN|NOREPLICAS|UNBLOCKED)\b/;

/** @param message in Redis' words; an error inside a script is part of a longer sentence. */
export const isRefusalByRole = (message: string): boolean => roleRefusals.test(message);
