/** Starts the one stack that all scenarios share, unless AFTERBUILD_STACK_FILE names one that is up. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { applySourceSchema } from '../../ops/gitlab/schema';
import { createFetchLines } from '../../ops/local/fetch-progress';
import { startStack } from '../../ops/local/stack';
import type { RunningStack } from '../../ops/local/running-stack';
import {
  currentStack,
  sourcePasswords,
  stackFileVariable,
  superuserConfig,
  templateDatabase,
} from './stack';

export interface SharedStack {
  readonly stop: () => Promise<void>;
}

const log = (line: string): void => void process.stderr.write(`stack: ${line}\n`);

async function startOwnStack(): Promise<SharedStack & { stack: RunningStack }> {
  // `npm test` names the folder, and stops what runs there when this process could not.
  const given = process.env['AFTERBUILD_TEST_DATA_DIR'];
  const dataDir = given ?? mkdtempSync(join(tmpdir(), 'afterbuild-test-'));
  const stack = await startStack({ dataDir, log, fetchProgress: createFetchLines(log) });
  process.env[stackFileVariable] = join(dataDir, 'stack.json');
  const stop = async (): Promise<void> => {
    await stack.stop();
    rmSync(dataDir, { recursive: true, force: true });
  };
  return { stack, stop };
}

export default async function globalSetup(): Promise<void> {
  const given = process.env[stackFileVariable] !== undefined;
  const { stack, stop } = given
    ? { stack: currentStack(), stop: () => Promise.resolve() }
    : await startOwnStack();
  Object.assign(globalThis, { afterbuildSharedStack: { stop } satisfies SharedStack });
  await applySourceSchema(superuserConfig(stack), {
    database: templateDatabase,
    passwords: sourcePasswords(stack),
  });
}
