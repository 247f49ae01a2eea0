/** Both flows under a trickle while brokers come and go: the common beginning and end of such tests. */
import type { ProcessReport } from '../../../lib/control/status-report';
import { BothFlows, briskly } from './both-flows';
import { ThreeBrokers } from '../stack/brokers';
import { commitsWithinMs, Trickle, Watch } from './commits-again';
import { report } from '../faults';
import type { RunningProcess } from './running-process';
import type { ProcessName } from '../../../lib/process/processes';
import type { Scenario } from './scenario';
import { until } from '../until';
import { untilReadiness } from './health-pages';

interface UnderFaults {
  readonly brokers: ThreeBrokers;
  readonly flows: BothFlows;
  readonly processes: readonly RunningProcess[];
  /** For a fault that only a restart of our processes ends. */
  restart(name: ProcessName, between: () => Promise<void>): Promise<void>;
}

interface FaultSettings {
  /** For how long a fault of the file may keep commits from being accepted. */
  readonly mayStandMs?: number;
  /** Of all processes. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** The output of `afterbuild status` for every process. */
export async function statusOfAll(scenario: Scenario): Promise<readonly ProcessReport[]> {
  const { noise } = await scenario.command(['status', '--json']);
  return (JSON.parse(noise.join('\n')) as { processes: ProcessReport[] }).processes;
}

/**
 * Registers it around the tests of a file. Before each a trickle begins. After each, the same processes finish the work
 * of the trickle, and none has stood still for too long, or stood still and reported that all is well.
 */
export function useFaults(
  ground: () => Scenario,
  { mayStandMs = commitsWithinMs, settings = {} }: FaultSettings = {},
): () => UnderFaults {
  let under: UnderFaults | undefined;
  let trickle: Trickle | undefined;
  let watch: Watch | undefined;
  const given = (): UnderFaults => {
    if (!under) throw new Error('the flows have not begun');
    return under;
  };
  beforeAll(async () => {
    const scenario = ground();
    const brokers = new ThreeBrokers(scenario);
    const flows = new BothFlows(scenario);
    const own = { ...settings, HTTP_PORT: '0' };
    const processes = flows.run(own);
    const restart = async (name: ProcessName, between: () => Promise<void>): Promise<void> => {
      const at = processes.findIndex((process) => process.name === name);
      await processes[at]!.stop();
      await between();
      processes[at] = scenario.run(name, { ...briskly, ...own });
    };
    under = { brokers, flows, processes, restart };
    await flows.more({ artifacts: 50, traces: 10, announced: false });
    await flows.done();
    await brokers.electAllPreferred();
  }, 180_000);
  beforeEach(() => {
    trickle = new Trickle(given().flows);
    watch = new Watch(given().processes);
  });
  afterEach(async () => {
    const { flows, processes } = given();
    await trickle?.stop();
    const seen = await watch?.stop();
    report('stood', seen?.stoodSeconds ?? {});
    expect(seen?.lies).toEqual([]);
    expect(Math.max(...Object.values(seen?.stoodSeconds ?? {}))).toBeLessThan(mayStandMs / 1_000);
    for (const process of processes) await untilReadiness(process, 200);
    await flows.done();
    await until('status says that nothing is left', async () => {
      const reports = await statusOfAll(ground());
      const busy = reports.filter((one) => one.state !== 'idle' || one.recordsLeft !== 0);
      if (busy.length === 0) return true;
      throw new Error(busy.map((one) => `${one.process} ${one.sentence}`).join('; '));
    });
    // By the same processes, all along.
    expect(processes.map(({ exit }) => exit)).toEqual(processes.map(() => undefined));
  }, 240_000);
  return given;
}
