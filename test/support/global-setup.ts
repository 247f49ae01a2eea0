/** Starts the one stack that all scenarios share. */
export default function globalSetup(): void {}
