#!/usr/bin/env node
/** The entry of `afterbuild`: argv to command, and the exit code of what goes wrong before one begins. */
import './node-version';
import { exitCodeOf } from './action';
import { createProgram } from './program';

async function main(argv: readonly string[]): Promise<void> {
  const program = createProgram();
  for (const command of [
    program,
    ...program.commands,
    ...program.commands.flatMap((c) => c.commands),
  ])
    command.exitOverride();
  try {
    await program.parseAsync(argv);
  } catch (error) {
    // Commander has printed its own sentence already.
    process.exitCode = exitCodeOf(error);
    if (process.exitCode === 1) throw error;
  }
}

void main(process.argv);
