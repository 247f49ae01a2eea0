/** Alive, but doing nothing although there was work: the process ends so that another can take over. */
export class StalledError extends Error {
  override readonly name = 'StalledError';
}
