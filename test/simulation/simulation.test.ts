import { simulate, SimulationError } from './simulation';

/** Seeds that once revealed a bug, with a description of it. */
const regressions: readonly (readonly [seed: number, was: string])[] = [
  [854, 'a stop whose work went to another member in its middle called itself clean'],
];

const environment = process.env;
const firstSeed = Number(environment['AFTERBUILD_SIMULATION_FIRST_SEED'] ?? 1);
const seeds = Number(environment['AFTERBUILD_SIMULATION_SEEDS'] ?? 1_000);
/** How much of the story of a failed seed is printed. */
const linesShown = 150;

jest.setTimeout(120_000 + seeds * 1_000);

async function run(seed: number): Promise<void> {
  try {
    await simulate(seed);
  } catch (error) {
    const traced = await simulate(seed, { isTraced: true }).catch((again: unknown) => again);
    const story = traced instanceof SimulationError ? traced.story : [];
    throw new Error(
      `${String(error)}\n\nrun again: AFTERBUILD_SIMULATION_FIRST_SEED=${seed} AFTERBUILD_SIMULATION_SEEDS=1 ` +
        `npx jest test/simulation/simulation --selectProjects unit\n\n${story.slice(-linesShown).join('\n')}`,
      { cause: error },
    );
  }
}

test('seeds that once showed a bug hold', async () => {
  for (const [seed] of regressions) await run(seed);
});

test(`seeds ${firstSeed} to ${firstSeed + seeds - 1} hold`, async () => {
  for (let seed = firstSeed; seed < firstSeed + seeds; seed += 1) await run(seed);
});

test('a seed tells the same story each time', async () => {
  for (const seed of [3, 14, 159]) {
    const [one, two] = [
      await simulate(seed, { isTraced: true }),
      await simulate(seed, { isTraced: true }),
    ];
    expect(one.story.length).toBeGreaterThan(20);
    expect(two.story).toEqual(one.story);
  }
});
