/** The four processes of the pipeline, and how a scenario runs them. */
import type { DatabaseRole } from '../../../ops/local/stack/stack-environment';

export type ProcessName =
  'expired-artifacts' | 'finished-builds' | 'artifact-deleter' | 'trace-archiver';

/** As whom each speaks to PostgreSQL. */
export const roles: Readonly<Record<ProcessName, DatabaseRole>> = {
  'expired-artifacts': 'reader',
  'finished-builds': 'reader',
  'artifact-deleter': 'deleter',
  'trace-archiver': 'archiver',
};

/**
 * Faster than production in everything that only waits. A look at the connector is not free: for each,
 * Connect reads its topic of positions from the beginning.
 */
export const quick: Readonly<Record<string, string>> = {
  SWEEP_IDLE_MS: '200',
  SWEEP_MARGIN_MS: '0',
  CDC_WATCH_MS: '5000',
};
