/** `processes.json`: which processes of the pipeline run in a data folder, so that none is ever lost. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomically } from './stack/data-folder';
import { isRunning, type ProcessIdentity } from './stack/process-identity';

interface RecordedProcess extends ProcessIdentity {
  readonly label: string;
}

const recordFile = (dataDir: string): string => join(dataDir, 'processes.json');

/** Replaces the earlier content. */
export function recordProcesses(dataDir: string, processes: readonly RecordedProcess[]): void {
  if (processes.length === 0) rmSync(recordFile(dataDir), { force: true });
  else writeFileAtomically(recordFile(dataDir), JSON.stringify(processes), 0o600);
}

/** The recorded ones that still run: pid and start time distinguish them from foreign processes. */
export function recordedAndRunning(dataDir: string): readonly RecordedProcess[] {
  const file = recordFile(dataDir);
  if (!existsSync(file)) return [];
  return (JSON.parse(readFileSync(file, 'utf8')) as RecordedProcess[]).filter(isRunning);
}
