/** One build whose trace is being archived: what is known of it, and what has become of it. */
import { retry, skip, type Outcome } from '../../lib/runtime/outcome';
import { RecordBusyError } from '../../lib/runtime/record-errors';
import type { TraceOwner } from '../../lib/gitlab/trace-key';
import type { SeenObject } from './ports';

export type Effect = 'archived' | 'extended' | 'adopted' | 'partial' | 'finished';

export interface Job {
  readonly owner: TraceOwner;
  readonly key: string;
  readonly finishedAtMs: number;
  /** Whether rows that are not there prove that our own object may go. */
  readonly absenceProves: boolean;
  /** Counts towards the brake's share of absent builds. */
  readonly countsAsAbsence: boolean;
  /** Undefined until it was asked for, which most traces never need: then the write asks. */
  seen: SeenObject | null | undefined;
  askForObject: boolean;
  effect: Effect | undefined;
  sizeBytes: number;
  /** The data ends before anybody looks again: what can be read is stored, whatever is missing. */
  isLastCall: boolean;
  /** Undefined: to be looked at again. */
  outcome: Outcome | undefined;
  /** For the log, besides the outcome. */
  note: Note | undefined;
}

export interface Note {
  readonly event: 'trace.waits' | 'trace.left' | 'trace.told' | 'trace.ends';
  readonly reason: string;
  /** When Redis drops the first of the data by itself. */
  readonly endsInMs?: number;
}

/** The trace stays as it is: nothing of it is lost, and nothing blocks its partition. */
export class SetAside extends Error {
  override readonly name = 'SetAside';

  constructor(
    /**
     * - `settle`: again soon, in place and then by way of the retry topics;
     * - `wait`: the stale sweep names the build again;
     * - `leave`: a person looks at it, and the sweep names it again.
     */
    readonly kind: 'settle' | 'wait' | 'leave',
    message: string,
  ) {
    super(message);
  }
}

/** Something changed under our hands: the same build again from the read. */
export class ReadAgain extends Error {
  override readonly name = 'ReadAgain';
}

export function setAside(job: Job, { kind, message }: SetAside): void {
  if (kind === 'settle') {
    const { buildId, partitionId } = job.owner;
    const trace = `The trace of build ${buildId} (partition ${partitionId})`;
    job.outcome = retry(new RecordBusyError(`${trace} has to settle: ${message}.`));
    return;
  }
  job.outcome = skip(message);
  job.note = { event: kind === 'leave' ? 'trace.left' : 'trace.waits', reason: message };
}

/** Of one build's own work: what it throws is its own, and stops no other build. */
export async function forJob(job: Job, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof SetAside) setAside(job, error);
    else if (error instanceof ReadAgain) job.askForObject = true;
    else {
      job.outcome = retry(error instanceof Error ? error : new Error(String(error)));
    }
  }
}
