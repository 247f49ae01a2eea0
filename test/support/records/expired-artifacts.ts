/** Rows, changes and a clock for the tests of producers/expired-artifacts. */
import type { Clock } from '../../../lib/process/clock';
import type { Logger } from '../../../lib/process/logger';
import type { DatabaseOrigin } from '../../../schemas/generated';
import type { ArtifactChange } from '../../../producers/expired-artifacts/change';
import type { DatabaseMoment } from '../../../lib/brake/database-guard';
import type { OddRow, SetAside } from '../../../lib/metrics/set-aside';
import type { DueArtifact, DueRow } from '../../../producers/expired-artifacts/ports';

export const origin: DatabaseOrigin = {
  systemIdentifier: '7',
  databaseName: 'gitlab',
  timeline: 1,
  lsn: 1_000,
};

export const moment: DatabaseMoment = { ...origin, inRecovery: false };

export const artifact = (columns: Partial<DueArtifact>): DueArtifact => ({
  id: 1,
  partitionId: 100,
  projectId: 2,
  jobId: 3,
  expireAt: 1_000_000n,
  createdOnDays: 20_000,
  fileType: 1,
  file: 'artifacts.zip',
  fileStore: 2,
  fileLocation: 2,
  fileFinalPath: null,
  sizeBytes: 10,
  ...columns,
});

/** The same as a page reads it. */
export const dueRow = (columns: Partial<DueArtifact>): DueRow => {
  const { createdOnDays, ...row } = artifact(columns);
  return { ...row, createdAt: BigInt(createdOnDays) * 86_400_000_000n };
};

/** Keeps the rows that are set aside. */
export function asideRows(): { readonly rows: OddRow[]; readonly setAside: Pick<SetAside, 'add'> } {
  const rows: OddRow[] = [];
  return { rows, setAside: { add: (row) => void rows.push(row) } };
}

/** Unlocked, remote, and due since long before its commit. */
export const change = (columns: Partial<ArtifactChange>): ArtifactChange => ({
  ...artifact({}),
  locked: 0,
  lsn: 900,
  committedAtMs: 5_000,
  transactionId: 50,
  odd: null,
  ...columns,
});

/** Time that passes only during sleeps. */
export class SteppedClock implements Clock {
  ms = 10_000;
  readonly sleeps: number[] = [];

  nowMs(): number {
    return this.ms;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.sleeps.push(ms);
    this.ms += ms;
    // Gives other work its turn, as while a timer runs.
    await new Promise((resolve) => setImmediate(resolve));
    signal?.throwIfAborted();
  }

  every(): () => void {
    return () => undefined;
  }
}

interface Said {
  readonly level: string;
  readonly event: unknown;
}

/** Keeps the events instead of printing them. */
export function listeningLogger(): { readonly logger: Logger; readonly said: Said[] } {
  const said: Said[] = [];
  const at = (level: string) => (fields: { readonly event?: unknown }) => {
    said.push({ level, event: fields.event });
  };
  const logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  return { logger: { ...logger, child: () => logger } as unknown as Logger, said };
}
