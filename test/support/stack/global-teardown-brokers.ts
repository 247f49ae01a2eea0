/** Stops the stack that global-setup-brokers.ts started. */
import type { SharedStack } from './global-setup';

export default async function globalTeardown(): Promise<void> {
  const shared = (globalThis as { afterbuildSharedBrokers?: SharedStack }).afterbuildSharedBrokers;
  await shared?.stop();
}
