/** How a scenario runs the processes of the pipeline. */

/**
 * All waits are shorter than in production. Reading the connector is not free: each time, Connect reads its topic of
 * positions from the beginning.
 */
export const quick: Readonly<Record<string, string>> = {
  SWEEP_IDLE_MS: '200',
  SWEEP_MARGIN_MS: '0',
  CDC_WATCH_MS: '5000',
};
