/** What an effect may have to wait for. Each has a breaker of its own in every process. */

export const dependencies = [
  'postgres',
  'redis',
  's3',
  'registry',
  /** The producer of retries and dead letters. */
  'dead-letters',
  /** Not a server: the brake that holds until a person has looked (docs/adr/0004). */
  'brake',
] as const;

export type Dependency = (typeof dependencies)[number];
