#!/usr/bin/env node
/** The entry of `afterbuild`: argv to command, and the exit code of what goes wrong before one begins. */
import './node-version';
import { exitCodeOf } from './action';
import { createProgram } from './program';

async function main(argv: readonly string[]): Promise<void> {
  const program = createProgram();
  try {
    await program.parseAsync(argv);
  } catch (error) {
    // Commander has printed its own sentence already.
    process.exitCode = exitCodeOf(error);
    if (process.exitCode === 1) throw error;
  }
  leave();
}

/** What has been printed is out by then; a client that still waits for a silent server holds nobody up. */
const leaveMs = 250;
const leave = (): void => void setTimeout(() => process.exit(), leaveMs).unref();

void main(process.argv);
