/** Checks the stores after a run has ended: the ledger's check, then `reconcile --check`. */
import { verify, type Verification } from '../gitlab/verify';
import type { ConnectedGitlab } from './connected-gitlab';
import { waitOut } from './outages';
import { runAfterbuild } from './prepare';
import type { RunningStack } from './stack/running-stack';
import { stackEnvironment, type StackScope } from './stack/stack-environment';

interface FinalCheck extends Verification {
  /** One sentence for each break; none when the invariants hold. */
  readonly problems: readonly string[];
}

interface FinalCheckOptions {
  readonly scope: StackScope;
  readonly signal: AbortSignal;
  /** Called when a server is waited for. */
  readonly say: (line: string) => void;
}

export async function finalCheck(
  gitlab: ConnectedGitlab,
  stack: RunningStack,
  { scope, signal, say }: FinalCheckOptions,
): Promise<FinalCheck> {
  // It only reads: a check that an outage cut short begins anew.
  const found = await waitOut('the check', () => verify(gitlab, { traces: 'archived' }), {
    signal,
    say,
  });
  const problems = found.breaks.map(
    ({ invariant, what, count, ids }) => `${invariant}: ${count} ${what}: ${ids.join(', ')}`,
  );
  if (found.waiting > 0) problems.push(`${found.waiting} finished traces are not archived`);
  const environment = stackEnvironment(stack, 'reader', scope);
  const reconcile = () => runAfterbuild(['reconcile', '--check'], environment, signal);
  await waitOut('the check', reconcile, { signal, say }).catch((error: unknown) =>
    problems.push(error instanceof Error ? error.message : String(error)),
  );
  return { ...found, problems };
}
