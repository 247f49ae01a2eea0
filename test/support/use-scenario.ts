/** Registers the beginning and the end of a scenario; no scenario can leave its end out. */
import { inAnyCase } from './in-any-case';
import { startOwnDatabase, type OwnDatabase } from './own-database';
import { Scenario } from './scenario';
import { bringUp, currentStack } from './stack';

/** More than `connect apply` waits by itself: it can say why nothing streams, a time limit here cannot. */
const beginMs = 240_000;

export interface Ground {
  readonly changes: 'streamed' | 'none';
  /** `own` for a scenario that stops the server's history or takes it away (own-database.ts). */
  readonly database?: 'shared' | 'own';
}

/**
 * Registers the beginning and the end of a scenario around the tests of a file.
 * @returns the ground; usable inside the tests.
 */
export function useScenario(
  name: string,
  { changes, database = 'shared' }: Ground,
): () => Scenario {
  let own: OwnDatabase | undefined;
  let scenario: Scenario | undefined;
  const ground = (): Scenario => {
    if (!scenario) throw new Error('the scenario has not begun');
    return scenario;
  };
  beforeAll(async () => {
    const shared = currentStack();
    if (database === 'own') own = await startOwnDatabase(shared);
    scenario = new Scenario(name, own?.stack ?? shared);
    await scenario.prepare();
    await (changes === 'streamed' ? scenario.stream() : scenario.slotOnly());
  }, beginMs);
  afterAll(async () => {
    await inAnyCase([
      () => scenario && bringUp(scenario.stack),
      () => scenario?.finish(),
      () => scenario?.checkInvariants(),
      () => scenario?.clean(),
      () => own?.drop(),
    ]);
  }, 180_000);
  return ground;
}
