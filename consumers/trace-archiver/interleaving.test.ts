/**
 * I1 and I2 after every step, for any order of append, flush, archive (ours and GitLab's), erase, crash and late
 * records on one build.
 */
import fc from 'fast-check';
import { chunkBytes } from '../../lib/gitlab/trace-chunks';
import type { Step } from '../../lib/process/steps';
import { acts, Life } from '../../test/support/memory/living-trace';
import { archiverSteps, hourMs, ourKey, record } from '../../test/support/memory/trace-archive';

const deliver = async (life: Life, reach: (step: Step) => void): Promise<void> => {
  // A killed process leaves its lease; Redis ends it.
  life.leases.held.clear();
  await life
    .archiver({ reach })(record(1))
    .catch(() => []);
  life.check();
};

const event = fc.record({ at: fc.constantFrom(...archiverSteps), act: fc.constantFrom(...acts) });
const delivery = fc.record({
  events: fc.array(event, { maxLength: 4 }),
  before: fc.array(fc.constantFrom(...acts), { maxLength: 3 }),
  crash: fc.option(fc.constantFrom(...archiverSteps)),
});

test('after each step, in every order, no byte is lost and nothing goes before its object is claimed', async () => {
  const sizes = fc.constantFrom(0, 500, chunkBytes - 40_000, chunkBytes, chunkBytes + 500);
  const deliveries = fc.array(delivery, { minLength: 1, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(sizes, deliveries, async (sizeBytes, all) => {
      const life = new Life();
      life.begin(sizeBytes);
      for (const { events, before, crash } of all) {
        for (const act of before) {
          life.do(act);
          life.check();
        }
        await deliver(life, (step) => {
          life.check();
          for (const { at, act } of events) if (at === step) life.do(act);
          life.check();
          if (step === crash) throw new Error('killed');
        });
      }
      await settleDown(life);
    }),
    { numRuns: 150 },
  );
});

/** Once quiet: one of the two has archived it, and we leave nothing that no row claims. */
async function settleDown(life: Life): Promise<void> {
  life.do('gitlab-fails');
  const row = life.rows.artifacts.get(1);
  if (row) life.rows.artifacts.set(1, { ...row, ageMs: 25 * hourMs });
  for (let time = 0; time < 3; time += 1) await deliver(life, () => undefined);
  if (life.isErased) {
    expect(life.objects.objects.has(ourKey(1))).toBe(false);
    return;
  }
  const artifact = life.rows.artifacts.get(1);
  const isOurs = artifact?.fileFinalPath === ourKey(1);
  expect(life.objects.objects.has(ourKey(1))).toBe(isOurs);
  if (!isOurs) return;
  expect(life.objects.objects.get(ourKey(1))?.length).toBe(life.written);
  expect([life.rows.chunksOf(1), life.chunkKeys()]).toEqual([[], []]);
}
