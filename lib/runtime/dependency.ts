/** The dependencies that an effect may have to wait for. Each has its own breaker in every process. */

export const dependencies = [
  'postgres',
  'redis',
  's3',
  'registry',
  /** The producer of retries and dead letters. */
  'dead-letters',
  /** No server: the brake, which holds until an operator has looked (docs/adr/0004). */
  'brake',
] as const;

export type Dependency = (typeof dependencies)[number];
