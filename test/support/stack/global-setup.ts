/** Starts the one stack that all scenarios share, unless AFTERBUILD_STACK_FILE names a running one. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { applySourceSchema } from '../../../ops/gitlab/schema';
import { createFetchLines } from '../../../ops/local/fetch/fetch-progress';
import { startStack } from '../../../ops/local/stack/stack';
import { attachStack, type RunningStack } from '../../../ops/local/stack/running-stack';
import type { StackShape } from '../../../ops/local/stack/server';
import { sourcePasswords, stackFileVariable, superuserConfig, templateDatabase } from './stack';

export interface SharedStack {
  readonly stop: () => Promise<void>;
}

const log = (line: string): void => void process.stderr.write(`stack: ${line}\n`);

interface WantedStack {
  /** Names the `stack.json` of a running stack; set when this starts one. */
  readonly variable: string;
  readonly shape?: StackShape;
  /** Below the folder that `npm test` names. */
  readonly folder: string;
}

async function startOwnStack(wanted: WantedStack): Promise<SharedStack & { stack: RunningStack }> {
  // `npm test` names the folder, and stops the servers there when this process could not.
  const given = process.env['AFTERBUILD_TEST_DATA_DIR'];
  const dataDir = join(given ?? mkdtempSync(join(tmpdir(), 'afterbuild-test-')), wanted.folder);
  const { shape } = wanted;
  const stack = await startStack({ dataDir, log, fetchProgress: createFetchLines(log), shape });
  process.env[wanted.variable] = join(dataDir, 'stack.json');
  const stop = async (): Promise<void> => {
    await stack.stop();
    rmSync(dataDir, { recursive: true, force: true });
  };
  return { stack, stop };
}

/** @returns a stack for the scenarios, and a function that stops it if it was started here. */
export async function shareStack(wanted: WantedStack): Promise<SharedStack> {
  const file = process.env[wanted.variable];
  const { stack, stop } =
    file === undefined
      ? await startOwnStack(wanted)
      : { stack: attachStack(dirname(file)), stop: () => Promise.resolve() };
  await applySourceSchema(superuserConfig(stack), {
    database: templateDatabase,
    passwords: sourcePasswords(stack),
  });
  return { stop };
}

export default async function globalSetup(): Promise<void> {
  const afterbuildSharedStack = await shareStack({ variable: stackFileVariable, folder: '' });
  Object.assign(globalThis, { afterbuildSharedStack });
}
