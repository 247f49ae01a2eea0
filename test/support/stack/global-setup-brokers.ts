/** Starts the stack of three secure brokers, unless AFTERBUILD_BROKERS_STACK_FILE names a running one. */
import { shareStack } from './global-setup';

/** Another name than the one broker's: both stacks may be up. */
export const brokersStackVariable = 'AFTERBUILD_BROKERS_STACK_FILE';

export default async function globalSetup(): Promise<void> {
  const afterbuildSharedBrokers = await shareStack({
    variable: brokersStackVariable,
    shape: { brokers: 3, isSecure: true },
    folder: 'brokers',
  });
  Object.assign(globalThis, { afterbuildSharedBrokers });
}
