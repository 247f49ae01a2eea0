/** The error for a required server that did not answer in time; afterbuild itself is not at fault. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
}
