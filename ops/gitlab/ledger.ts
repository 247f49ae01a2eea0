/**
 * The ledger: an append-only file of JSON lines with everything that the small GitLab did.
 *
 * Each line is written after its commit. The pipeline never reads or writes it.
 */
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  closeSync,
  createReadStream,
  existsSync,
  openSync,
  readSync,
  statSync,
  truncateSync,
} from 'node:fs';
import { createInterface } from 'node:readline';
import {
  isTraceEntry,
  TraceFold,
  type KnownTrace,
  type TraceLedgerEntry,
} from './traces/trace-ledger';

/** The state of an artifact's row as GitLab last wrote it. */
interface ArtifactState {
  readonly expireAtMs: number | null;
  readonly locked: number;
}

/** An artifact's row and object at birth. */
export interface ArtifactEntry extends ArtifactState {
  readonly kind: 'artifact';
  readonly id: number;
  readonly partitionId: number;
  readonly jobId: number;
  readonly fileType: number;
  readonly fileStore: number;
  /** Null for rows that never had an object in the bucket. */
  readonly key: string | null;
  readonly sizeBytes: number;
  /** Whether it is one of the N that the final line counts. */
  readonly counted: boolean;
}

/** An update of GitLab that found the row. */
interface ChangedEntry extends Partial<ArtifactState> {
  readonly kind: 'changed';
  readonly ids: readonly number[];
}

/** Rows that GitLab removed itself, with their objects. */
interface DeletedEntry {
  readonly kind: 'deleted';
  readonly ids: readonly number[];
}

/** Objects that only their owner may touch. */
export interface BytesEntry {
  readonly kind: 'object';
  readonly key: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** Objects that GitLab itself removed. */
interface RemovedEntry {
  readonly kind: 'removed';
  readonly keys: readonly string[];
}

/** The last line of a completed seeding. */
interface SeededEntry {
  readonly kind: 'seeded';
  readonly randomSeed: number;
  readonly willGo: number;
  readonly willStay: number;
  readonly willArchive: number;
}

export type LedgerEntry =
  | ArtifactEntry
  | ChangedEntry
  | DeletedEntry
  | BytesEntry
  | RemovedEntry
  | SeededEntry
  | TraceLedgerEntry;

/** Where GitLab writes its entries. */
export interface Ledger {
  append(entries: readonly LedgerEntry[]): void;
}

/** The ledger folded to its last state. */
export interface LedgerState {
  readonly artifacts: ReadonlyMap<number, KnownArtifact>;
  /** By key: objects that only GitLab may touch. */
  readonly objects: ReadonlyMap<string, BytesEntry>;
  /** By build id. */
  readonly traces: ReadonlyMap<number, KnownTrace>;
  /** Keys of chunk data that GitLab left without a row. */
  readonly orphans: ReadonlySet<string>;
  /** Absent when the seeding was cut short. */
  readonly seeded: SeededEntry | undefined;
}

/** One artifact in memory; 250,000 of them take about 100 MB. */
export interface KnownArtifact {
  readonly id: number;
  readonly partitionId: number;
  readonly fileType: number;
  readonly fileStore: number;
  readonly key: string | null;
  readonly sizeBytes: number;
  readonly counted: boolean;
  expireAtMs: number | null;
  locked: number;
  deletedByGitlab: boolean;
}

/** As the ledger writes a moment, since JSON has no infinity. */
export function finiteMs(ms: number | null): number | null {
  return ms === null ? null : Math.min(Math.max(ms, -Number.MAX_VALUE), Number.MAX_VALUE);
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** More than the longest line. */
const tailBytes = 1_048_576;

/** Keeps the ledger in a file; each append is one write, so that a crash cuts at most one line. */
export class FileLedger implements Ledger {
  private tailChecked = false;

  constructor(readonly path: string) {}

  append(entries: readonly LedgerEntry[]): void {
    if (entries.length === 0) return;
    if (!this.tailChecked) this.cutTornTail();
    appendFileSync(this.path, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
  }

  /** A line that a crash cut short would spoil the next one. */
  private cutTornTail(): void {
    this.tailChecked = true;
    if (!existsSync(this.path)) return;
    const { size } = statSync(this.path);
    const start = Math.max(0, size - tailBytes);
    const tail = Buffer.alloc(size - start);
    const file = openSync(this.path, 'r');
    readSync(file, tail, 0, tail.length, start);
    closeSync(file);
    truncateSync(this.path, start + tail.lastIndexOf('\n') + 1);
  }

  /** @throws Error when a line other than an incomplete last one cannot be read. */
  async read(): Promise<LedgerState> {
    const fold = new LedgerFold();
    if (!existsSync(this.path)) return fold;
    const lines = createInterface({ input: createReadStream(this.path), crlfDelay: Infinity });
    let torn: Error | undefined;
    let number = 0;
    for await (const line of lines) {
      number += 1;
      if (torn) throw torn;
      try {
        fold.take(JSON.parse(line) as LedgerEntry);
      } catch (error) {
        torn = new Error(`The ledger ${this.path} is damaged in line ${number}.`, { cause: error });
      }
    }
    return fold;
  }
}

/** Keeps the ledger in memory, for tests. */
export class MemoryLedger implements Ledger {
  private readonly fold = new LedgerFold();

  append(entries: readonly LedgerEntry[]): void {
    for (const entry of entries) this.fold.take(entry);
  }

  read(): Promise<LedgerState> {
    return Promise.resolve(this.fold);
  }
}

/** Where `verify` reads from. */
export interface ReadableLedger extends Ledger {
  read(): Promise<LedgerState>;
}

class LedgerFold implements LedgerState {
  readonly artifacts = new Map<number, KnownArtifact>();
  readonly objects = new Map<string, BytesEntry>();
  seeded: SeededEntry | undefined;
  private readonly fold = new TraceFold();

  get traces(): ReadonlyMap<number, KnownTrace> {
    return this.fold.traces;
  }

  get orphans(): ReadonlySet<string> {
    return this.fold.orphans;
  }

  take(entry: LedgerEntry): void {
    if (isTraceEntry(entry)) {
      this.fold.take(entry);
      return;
    }
    switch (entry.kind) {
      case 'artifact':
        this.artifacts.set(entry.id, born(entry));
        return;
      case 'changed':
        entry.ids.forEach((id) => this.change(id, entry));
        return;
      case 'deleted':
        entry.ids.forEach((id) => this.remove(id));
        return;
      case 'object':
        this.objects.set(entry.key, entry);
        return;
      case 'removed':
        entry.keys.forEach((key) => this.objects.delete(key));
        return;
      case 'seeded':
        this.seeded = entry;
    }
  }

  /** The row of a trace may be the archiver's own, which no entry names. */
  private remove(id: number): void {
    const artifact = this.artifacts.get(id);
    if (artifact) artifact.deletedByGitlab = true;
  }

  private change(id: number, { expireAtMs, locked }: Partial<ArtifactState>): void {
    const artifact = this.known(id);
    if (expireAtMs !== undefined) artifact.expireAtMs = expireAtMs;
    if (locked !== undefined) artifact.locked = locked;
  }

  private known(id: number): KnownArtifact {
    const artifact = this.artifacts.get(id);
    if (!artifact) throw new Error(`The ledger speaks of artifact ${id} before its birth.`);
    return artifact;
  }
}

/** Copies field by field: the parsed line itself would keep more than is needed. */
function born(entry: ArtifactEntry): KnownArtifact {
  const { id, partitionId, fileType, fileStore, key, sizeBytes, counted } = entry;
  const { expireAtMs, locked } = entry;
  const fixed = { id, partitionId, fileType, fileStore, key, sizeBytes, counted };
  return { ...fixed, expireAtMs, locked, deletedByGitlab: false };
}
