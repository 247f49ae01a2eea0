/** Puts the parts of a producer together: changes, sweeps, the watchdog over the change stream, the hold on them all. */
import type { DatabaseGuard } from '../brake/database-guard';
import type { WatchStream } from '../connect/watch-stream';
import type { ReadSourceWork } from '../control/source-work';
import type { GroupContext, GroupSettings, GroupWork } from '../service/run-group';
import type { AnySubscription } from '../runtime/subscription';

interface SourceParts {
  readonly context: Pick<GroupContext<GroupSettings>, 'clock' | 'fail' | 'logger' | 'troubles'>;
  readonly guard: DatabaseGuard;
  readonly changes: AnySubscription;
  readonly progress: AnySubscription;
  readonly sweeps: {
    start(): void;
    stop(): Promise<void>;
    requestRepair(reason: string): void;
  };
  readonly watchStream: WatchStream;
  readonly sourceWork: ReadSourceWork;
  /** Counts what is due, for status and metrics. */
  readonly counting?: { start(): void; stop(): Promise<void> };
}

export function workOfSource(parts: SourceParts): GroupWork {
  const { context, guard, sweeps, counting } = parts;
  const { clock, logger, troubles, fail: onFatal } = context;
  const begun = { decisionsRead: false, joined: false };
  // Every member knows the decisions of operators before it reads its first page.
  const startSweeps = (): void => {
    if (begun.decisionsRead && begun.joined) sweeps.start();
  };
  return {
    subscription: parts.changes,
    progress: parts.progress,
    sourceWork: parts.sourceWork,
    onDecision: (decision) => guard.decide(decision),
    onDecisionsRead: () => {
      guard.decisionsRead();
      begun.decisionsRead = true;
      startSweeps();
    },
    begin: () => {
      begun.joined = true;
      startSweeps();
      counting?.start();
      const watching = new AbortController();
      const requestRepair = (reason: string) => sweeps.requestRepair(reason);
      const watched = parts.watchStream(
        { requestRepair, troubles, clock, logger, onFatal },
        watching.signal,
      );
      return {
        stop: () => watching.abort(new Error('The process is stopping.')),
        stopped: async () => {
          await Promise.all([sweeps.stop(), counting?.stop()]);
          await watched;
        },
      };
    },
  };
}
