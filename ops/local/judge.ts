/** What the stores themselves say against a run that has ended: the ledger's check, then `reconcile --check`. */
import { verify, type Verification } from '../gitlab/verify';
import type { ConnectedGitlab } from './connected-gitlab';
import { runAfterbuild } from './prepare';
import type { RunningStack } from './running-stack';
import { stackEnvironment, type StackScope } from './stack-environment';

export interface Judgement extends Verification {
  /** One sentence for each break; none when the invariants hold. */
  readonly problems: readonly string[];
}

export async function judge(
  gitlab: ConnectedGitlab,
  stack: RunningStack,
  { scope, signal }: { scope: StackScope; signal: AbortSignal },
): Promise<Judgement> {
  const found = await verify(gitlab, { traces: 'archived' });
  const problems = found.breaks.map(
    ({ invariant, what, count, ids }) => `${invariant}: ${count} ${what}: ${ids.join(', ')}`,
  );
  if (found.waiting > 0) problems.push(`${found.waiting} finished traces are not archived`);
  const environment = stackEnvironment(stack, 'reader', scope);
  await runAfterbuild(['reconcile', '--check'], environment, signal).catch((error: unknown) =>
    problems.push(error instanceof Error ? error.message : String(error)),
  );
  return { ...found, problems };
}
