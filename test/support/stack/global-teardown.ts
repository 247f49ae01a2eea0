/** Stops the stack that globalSetup started. */
import type { SharedStack } from './global-setup';

export default async function globalTeardown(): Promise<void> {
  const shared = (globalThis as { afterbuildSharedStack?: SharedStack }).afterbuildSharedStack;
  await shared?.stop();
}
