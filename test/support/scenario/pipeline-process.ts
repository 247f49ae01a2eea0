/** The four processes of the pipeline, and how a scenario runs them. */
import type { DatabaseRole } from '../../../ops/local/stack/stack-environment';

export type ProcessName =
  'expired-artifacts' | 'finished-builds' | 'artifact-deleter' | 'trace-archiver';

/** The PostgreSQL role of each. */
export const roles: Readonly<Record<ProcessName, DatabaseRole>> = {
  'expired-artifacts': 'reader',
  'finished-builds': 'reader',
  'artifact-deleter': 'deleter',
  'trace-archiver': 'archiver',
};

/**
 * All waits are shorter than in production. Reading the connector is not free: each time, Connect reads its topic of
 * positions from the beginning.
 */
export const quick: Readonly<Record<string, string>> = {
  SWEEP_IDLE_MS: '200',
  SWEEP_MARGIN_MS: '0',
  CDC_WATCH_MS: '5000',
};
