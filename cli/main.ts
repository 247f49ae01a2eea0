#!/usr/bin/env node
/** The entry point of `afterbuild`: runs the command of argv, and chooses the exit code of errors before it begins. */
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

/** All output has been written by then; a client that still waits for a silent server must not delay the end. */
const leaveMs = 250;
const leave = (): void => void setTimeout(() => process.exit(), leaveMs).unref();

void main(process.argv);
