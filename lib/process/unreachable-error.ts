/** A server that is needed did not answer in time, and nothing of ours is to blame. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
}
