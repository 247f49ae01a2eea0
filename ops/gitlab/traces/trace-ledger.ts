/**
 * The ledger's entries about traces: how many bytes each build has written, and what GitLab, its stores or a scenario
 * did to them. The bytes themselves follow from build and offset (trace-bytes.ts).
 *
 * An entry that adds promised bytes is written after its commit, one that removes some before it is done; so the stores
 * never hold less than the ledger promises.
 */

/** A build that will write a trace. */
export interface TraceEntry {
  readonly kind: 'trace';
  readonly buildId: number;
  readonly partitionId: number;
  readonly projectId: number;
  /** Whether it is one of the N traces that the final line counts. */
  readonly counted: boolean;
}

/** GitLab has accepted the trace's bytes up to this one. */
interface AppendedEntry {
  readonly kind: 'appended';
  readonly buildId: number;
  readonly toByte: number;
}

/** From here on the build should be archived. */
interface FinishedEntry {
  readonly kind: 'finished';
  readonly buildIds: readonly number[];
}

/** Bytes that a store destroyed, or that GitLab itself can no longer read. Written before it happens. */
interface LostEntry {
  readonly kind: 'lost';
  readonly buildId: number;
  readonly fromByte: number;
  readonly toByte: number;
}

/** `going` is written before an erase or a deletion begins, `gone` when GitLab's part of it has ended. */
interface TraceGoneEntry {
  readonly kind: 'trace-going' | 'trace-gone';
  readonly buildIds: readonly number[];
}

/** The pipeline is right to leave this trace in its chunks. */
interface StaysEntry {
  readonly kind: 'trace-stays';
  readonly buildId: number;
  readonly why: string;
}

/** Chunk data that GitLab itself left without a row, and will never look for again. */
interface OrphanedEntry {
  readonly kind: 'orphaned';
  readonly keys: readonly string[];
}

export type TraceLedgerEntry =
  | TraceEntry
  | AppendedEntry
  | FinishedEntry
  | LostEntry
  | TraceGoneEntry
  | StaysEntry
  | OrphanedEntry;

const kinds: ReadonlySet<string> = new Set<TraceLedgerEntry['kind']>([
  'trace',
  'appended',
  'finished',
  'lost',
  'trace-going',
  'trace-gone',
  'trace-stays',
  'orphaned',
]);

export function isTraceEntry(entry: { readonly kind: string }): entry is TraceLedgerEntry {
  return kinds.has(entry.kind);
}

/** One build's trace in GitLab's view. */
export interface KnownTrace {
  readonly buildId: number;
  readonly partitionId: number;
  readonly projectId: number;
  readonly counted: boolean;
  lengthBytes: number;
  finished: boolean;
  /** Erased, or deleted with its build. */
  gone: 'no' | 'going' | 'gone';
  readonly lost: { readonly fromByte: number; readonly toByte: number }[];
  stays: string | undefined;
}

/** Folds the entries about traces. */
export class TraceFold {
  readonly traces = new Map<number, KnownTrace>();
  readonly orphans = new Set<string>();

  take(entry: TraceLedgerEntry): void {
    switch (entry.kind) {
      case 'trace':
        this.traces.set(entry.buildId, born(entry));
        return;
      case 'appended':
        this.grow(this.known(entry.buildId), entry.toByte);
        return;
      case 'finished':
        this.finish(entry.buildIds);
        return;
      case 'lost':
        this.known(entry.buildId).lost.push({ fromByte: entry.fromByte, toByte: entry.toByte });
        return;
      case 'trace-going':
      case 'trace-gone':
        this.leave(entry);
        return;
      case 'trace-stays':
        this.known(entry.buildId).stays = entry.why;
        return;
      case 'orphaned':
        entry.keys.forEach((key) => this.orphans.add(key));
    }
  }

  private finish(buildIds: readonly number[]): void {
    for (const id of buildIds) this.known(id).finished = true;
  }

  private grow(trace: KnownTrace, toByte: number): void {
    trace.lengthBytes = Math.max(trace.lengthBytes, toByte);
  }

  /** A build may be erased that never wrote a trace. */
  private leave({ kind, buildIds }: TraceGoneEntry): void {
    for (const id of buildIds) {
      const trace = this.traces.get(id);
      if (trace) trace.gone = kind === 'trace-gone' ? 'gone' : 'going';
    }
  }

  private known(id: number): KnownTrace {
    const trace = this.traces.get(id);
    if (!trace) throw new Error(`The ledger speaks of the trace of build ${id} before its birth.`);
    return trace;
  }
}

function born({ buildId, partitionId, projectId, counted }: TraceEntry): KnownTrace {
  const place = { buildId, partitionId, projectId, counted };
  return { ...place, lengthBytes: 0, finished: false, gone: 'no', lost: [], stays: undefined };
}
