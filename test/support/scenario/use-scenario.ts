/** Registers the beginning and the end of a scenario around the tests of a file; no scenario can leave its end out. */
import type { RunningStack } from '../../../ops/local/stack/running-stack';
import { inFull } from '../faults';
import { runAll } from './run-all';
import { startOwnDatabase } from '../stack/own-database';
import { Scenario } from './scenario';
import { bringUp, currentStack } from '../stack/stack';

/** Longer than `connect apply` waits by itself: it can say why nothing streams, a time limit here cannot. */
const beginMs = 240_000;
/** The invariant check reads every object of a scenario: the long run has 26,000 of them. */
const endMs = inFull(900_000, 180_000);

interface Ground {
  readonly changes: 'streamed' | 'none';
  /** `own` for a scenario that changes the server's history or stops it for good (own-database.ts). */
  readonly database?: 'shared' | 'own';
  /** Starts the server in the place of the stack's Redis, for this scenario alone. */
  readonly redis?: (shared: RunningStack) => Promise<OwnServer>;
}

/** A server of a scenario's own. */
export interface OwnServer {
  /** The stack, with this server in it. */
  readonly stack: RunningStack;
  /** Stops the server and removes its data. */
  readonly drop: () => Promise<void>;
}

/**
 * Registers the beginning and the end of a scenario around the tests of a file.
 * @returns the context; usable inside the tests.
 */
export function useScenario(
  name: string,
  { changes, database = 'shared', redis }: Ground,
): () => Scenario {
  const own: OwnServer[] = [];
  let scenario: Scenario | undefined;
  const ground = (): Scenario => {
    if (!scenario) throw new Error('the scenario has not begun');
    return scenario;
  };
  beforeAll(async () => {
    const shared = currentStack();
    const stackNow = (): RunningStack => own.at(-1)?.stack ?? shared;
    if (database === 'own') own.push(await startOwnDatabase(shared));
    if (redis) own.push(await redis(stackNow()));
    scenario = new Scenario(name, stackNow());
    await scenario.prepare();
    await (changes === 'streamed' ? scenario.stream() : scenario.slotOnly());
  }, beginMs);
  afterAll(async () => {
    await runAll([
      () => scenario && bringUp(scenario.stack),
      () => scenario?.finish(),
      () => scenario?.checkInvariants(),
      () => scenario?.clean(),
      ...own.map(({ drop }) => drop),
    ]);
  }, endMs);
  return ground;
}
