/** Reads what `afterbuild status` shows of a process. */
import type { ProcessReport } from '../../../lib/control/status-report';
import type { Scenario } from './scenario';

export async function statusOf(scenario: Scenario, name: string): Promise<ProcessReport> {
  const { noise } = await scenario.command(['status', '--json']);
  const { processes } = JSON.parse(noise.join('\n')) as { processes: ProcessReport[] };
  const report = processes.find(({ process }) => process === name);
  if (!report) throw new Error(`status does not know ${name}`);
  return report;
}
