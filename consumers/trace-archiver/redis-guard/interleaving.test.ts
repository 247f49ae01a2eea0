/** I1 and I4 after every step, for any order of append, flush, archive, erase, crash and guard. */
import fc from 'fast-check';
import { chunkBytes } from '../../../lib/gitlab/trace-chunks';
import type { Step } from '../../../lib/process/steps';
import { GuardedTraces } from '../../../test/support/memory/guarded-traces';
import { acts, Life } from '../../../test/support/memory/living-trace';
import { guardSteps, type GuardStep } from './dependencies';
import { archiverSteps, bytesOf, hourMs, record } from '../../../test/support/memory/trace-archive';

const everyStep: readonly AnyStep[] = [...archiverSteps, ...guardSteps];

type AnyStep = Step | GuardStep;
type Worker = 'guard' | 'archiver';

async function work(life: Life, worker: Worker, reach: (step: AnyStep) => void): Promise<void> {
  // A killed process leaves its leases; Redis ends them.
  life.leases.held.clear();
  life.chunkLeases.held.clear();
  const done =
    worker === 'archiver'
      ? life.archiver({ reach })(record(1))
      : new GuardedTraces(life, reach).pass();
  await done.catch(() => undefined);
  life.check();
}

const event = fc.record({ at: fc.constantFrom(...everyStep), act: fc.constantFrom(...acts) });
const run = fc.record({
  worker: fc.constantFrom<Worker>('guard', 'guard', 'archiver'),
  events: fc.array(event, { maxLength: 4 }),
  before: fc.array(fc.constantFrom(...acts), { maxLength: 3 }),
  crash: fc.option(fc.constantFrom(...everyStep)),
});

test('after each step, in every order, a reader has every byte, and in the end no key is left without need', async () => {
  const sizes = fc.constantFrom(500, chunkBytes - 40_000, chunkBytes, chunkBytes + 500);
  const runs = fc.array(run, { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(sizes, fc.boolean(), runs, async (sizeBytes, isRunning, all) => {
      const life = new Life();
      life.begin(sizeBytes);
      if (isRunning) life.rows.builds.get(1)!.status = 'running';
      for (const { worker, events, before, crash } of all) {
        for (const act of before) {
          life.do(act);
          life.check();
        }
        await work(life, worker, (step) => {
          life.check();
          for (const { at, act } of events) if (at === step) life.do(act);
          life.check();
          if (step === crash) throw new Error('killed');
        });
      }
      await settleDown(life);
    }),
    { numRuns: 200 },
  );
});

/** Once quiet, after all waits, one of the two has archived it and nothing is left in Redis. */
async function settleDown(life: Life): Promise<void> {
  life.do('gitlab-fails');
  life.rows.builds.get(1)!.status = 'success';
  const row = life.rows.artifacts.get(1);
  if (row) life.rows.artifacts.set(1, { ...row, ageMs: 25 * hourMs });
  life.nowMs += 25 * hourMs;
  for (let time = 0; time < 3; time += 1) await work(life, 'archiver', () => undefined);
  if (life.isErased) return;
  const isOurs = life.rows.artifacts.get(1)?.fileFinalPath != null;
  if (!isOurs) return;
  expect(life.readTrace(1)?.equals(bytesOf(1, 0, life.written))).toBe(true);
  expect([life.rows.chunksOf(1), life.chunkKeys()]).toEqual([[], []]);
}
