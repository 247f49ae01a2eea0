/** The process is alive, but does nothing although there is work: it ends so that another can take over. */
export class StalledError extends Error {
  override readonly name = 'StalledError';
}
