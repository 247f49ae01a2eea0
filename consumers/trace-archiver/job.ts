/** One build whose trace is being archived: what is known of it, and its outcome. */
import { retry, skip, type Outcome } from '../../lib/runtime/outcome';
import { RecordBusyError } from '../../lib/runtime/record-errors';
import type { TraceOwner } from '../../lib/gitlab/trace-key';
import type { BuildTrace, StoredTrace } from '../../lib/gitlab/trace-rows';
import type { ReadChunk } from './chunk-data';
import type { Look } from './decide';
import type { SeenObject } from './ports';

export type Effect = 'archived' | 'extended' | 'adopted' | 'partial' | 'finished';

export interface Job {
  readonly owner: TraceOwner;
  /** Of the object: the one that the build's row names, where it is one of ours. */
  key: string;
  readonly finishedAtMs: number;
  /** Whether missing rows prove that our own object may be deleted. */
  readonly absenceProves: boolean;
  /** Counts towards the brake's share of absent builds. */
  readonly countsAsAbsence: boolean;
  /** Undefined until it was read, which most traces never need: then the write reads it. */
  seen: SeenObject | null | undefined;
  askForObject: boolean;
  /** Chunk data is missing: the object at the key may be the only copy, and only an erased build gives it up. */
  keepsObject: boolean;
  effect: Effect | undefined;
  sizeBytes: number;
  /** The data ends before the next try: what can be read is stored, even with parts missing. */
  isLastCall: boolean;
  /** Undefined: to be read again. */
  outcome: Outcome | undefined;
  /** For the log, besides the outcome. */
  note: Note | undefined;
}

export interface Note {
  readonly event: 'trace.waits' | 'trace.left' | 'trace.archived-with-faults' | 'trace.ends';
  readonly reason: string;
  /** When Redis drops the first of the data by itself. */
  readonly endsInMs?: number;
}

/** A trace whose object is stored and verified. */
export interface Prepared {
  readonly job: Job;
  readonly trace: BuildTrace;
  readonly effect: Effect;
  /** The chunks that were read, and will be removed. */
  readonly chunks: readonly ReadChunk[];
  /** Null: the committed row already describes the stored object. */
  readonly stored: StoredTrace | null;
  /** Of the object at our key, when this pass has written it. */
  readonly writtenEtag: string | null;
}

export interface FoundTrace {
  readonly job: Job;
  readonly trace: BuildTrace;
  readonly look: Look;
}

/** The trace stays unchanged: none of it is lost, and nothing blocks its partition. */
export class SetAside extends Error {
  override readonly name = 'SetAside';

  constructor(
    /**
     * - `settle`: again soon, in place and then through the retry topics;
     * - `wait`: the stale sweep names the build again;
     * - `leave`: an operator looks at it, and the sweep names it again.
     */
    readonly kind: 'settle' | 'wait' | 'leave',
    message: string,
  ) {
    super(message);
  }
}

/** The trace changed during the work: the build is read again. */
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

/** Work on one build: its error is its own, and stops no other build. */
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
