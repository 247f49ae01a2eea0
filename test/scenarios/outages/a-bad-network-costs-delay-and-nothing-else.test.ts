import type { Toxic, ToxicChoice } from '../../../ops/faults/toxiproxy';
import type { ArtifactEntry } from '../../../ops/gitlab/ledger';
import { useBadNetwork } from '../../support/stack/bad-network';
import { BothFlows } from '../../support/scenario/both-flows';
import { inFull, lasts } from '../../support/faults';
import type { RunningProcess } from '../../support/scenario/running-process';
import { useScenario } from '../../support/scenario/use-scenario';

const ground = useScenario(__filename, { changes: 'none' });
const network = useBadNetwork();

type Place = 'postgres' | 'redis' | 's3';
const places: readonly Place[] = ['postgres', 'redis', 's3'];
/** One at a time in the long run; all at once in the short one. */
const chosen: readonly (readonly Place[])[] = inFull(
  places.map((place) => [place]),
  [places],
);
const lastsMs = inFull(30_000, 3_000);

const allCases: readonly (readonly [string, Toxic, ToxicChoice])[] = [
  ['answer half a second late', { type: 'latency', attributes: { latency: 500, jitter: 300 } }, {}],
  ['stay silent', { type: 'timeout', attributes: { timeout: 0 } }, {}],
  ['cut every connection', { type: 'reset_peer', attributes: { timeout: 50 } }, {}],
  ['do what they are asked, but their answers are lost', lostAnswers(), {}],
  ['lose the answers of every other connection', lostAnswers(), { share: 0.5 }],
];

/** The short run has those whose milder forms are left out. */
const cases = inFull(allCases, [allCases[1]!, allCases[3]!]);

function lostAnswers(): Toxic {
  return { type: 'limit_data', attributes: { bytes: 0 } };
}

let flows: BothFlows;
let processes: readonly RunningProcess[];
let staying: readonly ArtifactEntry[];

beforeAll(async () => {
  staying = await ground().world.manyArtifacts({ count: 20, expireInMs: 3_600_000 });
  flows = new BothFlows(ground());
  processes = flows.run(network().settings);
  await flows.more();
  await flows.done();
});

/** Nothing is restarted: the same processes go on. */
afterEach(async () => {
  await flows.done();
  await ground().expectKept(staying);
  expect(processes.map(({ exit }) => exit)).toEqual(processes.map(() => undefined));
});

describe.each(chosen.map((them) => [them.join(', '), them] as const))('%s', (_, them) => {
  test('refuse connections', async () => {
    await flows.more();
    for (const place of them) await network()[place].refuse();
    await flows.more();
    await lasts(lastsMs);
    for (const place of them) await network()[place].heal();
  });

  test.each(cases)('%s', async (_name, toxic, choice) => {
    for (const place of them) await network()[place].poison(toxic, choice);
    await flows.more();
    await lasts(lastsMs);
    for (const place of them) await network()[place].heal();
  });
});
