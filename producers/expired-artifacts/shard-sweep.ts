/**
 * Sweeps one shard while this process holds it: the due sweep, which follows the clock, and the full sweep, which reads
 * everything again from the beginning, daily or as a repair.
 *
 * Order of effects: page read, records acknowledged, then the watermark. A crash between any two repeats at most a
 * page, and a repeated record finds its rows gone.
 */
import type { Clock } from '../../lib/process/clock';
import type { Logger } from '../../lib/process/logger';
import type { ReachStep } from '../../lib/process/steps';
import type { SweepProgress } from '../../schemas/generated';
import {
  type DatabaseGuard,
  type Sighting,
  ReplacedDatabaseError,
} from '../../lib/brake/database-guard';
import { cursorAtStart, nextRead, settlePage, type SettledPage } from './page';
import type { PacedOutput } from './paced-output';
import type {
  ArtifactDatabase,
  DueArtifact,
  DuePage,
  DuePosition,
  DueRow,
  ProgressTopic,
  Shard,
} from './ports';
import { progressOf, stateOf, watermarkOf, type SweepKind, type SweepState } from './progress';
import { cutRecords, type ExpiredRecord } from './records';
import { fileStore as stores } from '../../lib/gitlab/enums';
import type { SetAside } from '../../lib/metrics/set-aside';
import { type Instant, timestampOf } from '../../lib/stores/postgres/instant';
import { judgeArtifact } from './artifact-row';
import type { UntilDone } from '../../lib/service/until-done';

interface SweepSettings {
  readonly pageRows: number;
  /** Pause when nothing is due; and between two pages of a full sweep. */
  readonly idleMs: number;
  readonly fullEveryMs: number;
}

export interface SweepDependencies {
  readonly database: ArtifactDatabase;
  readonly output: PacedOutput;
  readonly progress: ProgressTopic;
  readonly setAside: Pick<SetAside, 'add'>;
  readonly guard: DatabaseGuard;
  readonly untilDone: UntilDone;
  readonly reach: ReachStep;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: SweepSettings;
}

const sourceOf = { due: 'sweep', full: 'repair' } as const;

/** A usable page, and its result. */
interface TakenPage {
  readonly page: DuePage;
  readonly settled: SettledPage<DueRow>;
  /** The database is another one than the watermark's, and an operator has accepted it. */
  readonly accepted: boolean;
  readonly readFrom: Sighting;
}

export class ShardSweep {
  #due: SweepState;
  #full: SweepState;
  #repairReason: string | undefined;
  /** The running full sweep is a repair. */
  #repairs = false;
  #lastFullPageAtMs = -Infinity;
  #caughtUp = false;

  constructor(
    private readonly shard: Shard,
    from: { readonly due: SweepProgress | undefined; readonly full: SweepProgress | undefined },
    private readonly parts: SweepDependencies,
  ) {
    this.#due = stateOf(from.due);
    this.#full = stateOf(from.full);
  }

  /** Progress of the due sweep: nothing is due behind it, or due rows begin after its watermark. */
  get position(): DuePosition {
    return { shard: this.shard, caughtUp: this.#caughtUp, after: this.#due.cursor.expireAt };
  }

  /**
   * The next full sweep begins at once, and from the beginning. A repair that runs already is finished first, or a
   * stream with frequent interruptions would let none finish.
   */
  requestRepair(reason: string): void {
    this.#repairReason = reason;
  }

  /** Runs until the signal aborts, then throws its reason at the next step. */
  async run(signal: AbortSignal): Promise<never> {
    for (;;) {
      signal.throwIfAborted();
      const caughtUp = await this.#pages(signal);
      if (caughtUp) await this.parts.clock.sleep(this.parts.settings.idleMs, signal);
    }
  }

  async #pages(signal: AbortSignal): Promise<boolean> {
    try {
      const caughtUp = await this.#duePage(signal);
      await this.#fullPage(signal);
      return caughtUp;
    } catch (error) {
      if (!(error instanceof ReplacedDatabaseError)) throw error;
      // The watermark has not moved: the same page is read of the database that is there now.
      const fields = { event: 'page.outdated', shard: this.shard.name };
      this.parts.logger.info(fields, 'the database was replaced while a page waited: read again');
      return false;
    }
  }

  async #duePage(signal: AbortSignal): Promise<boolean> {
    const taken = await this.#take(this.#due, null, signal);
    // A page that waits for room is still to be produced.
    this.#caughtUp = taken.settled.caughtUp && taken.settled.kept.length === 0;
    this.#due = await this.#finish('due', this.#due, taken, false, signal);
    // Rows that the accepted copy has brought back lie behind the watermark.
    if (taken.accepted) this.requestRepair('another history was accepted');
    if (this.#full.atMs === null) {
      // The due sweep of a new shard begins at the beginning: that is its first whole pass.
      this.#full = await this.#write('full', { ...this.#full, complete: true }, taken, signal);
    }
    this.#caughtUp = taken.settled.caughtUp;
    return taken.settled.caughtUp;
  }

  /** One page, no faster than the pace, and never beyond the due sweep, which will get there itself. */
  async #fullPage(signal: AbortSignal): Promise<void> {
    const { clock, settings } = this.parts;
    const isPaced = clock.nowMs() - this.#lastFullPageAtMs < settings.idleMs;
    const upTo = this.#due.cursor.expireAt;
    if (isPaced || upTo === null) return;
    const begins = this.#beginPassWhenDue();
    if (this.#full.complete) return;
    this.#lastFullPageAtMs = clock.nowMs();
    const taken = await this.#take(this.#full, upTo, signal);
    // So that a crash does not forget the requested repair.
    if (begins) this.#full = await this.#write('full', this.#full, taken, signal);
    const complete = taken.settled.caughtUp;
    this.#full = await this.#finish('full', this.#full, taken, complete, signal);
    if (complete) {
      const { epoch } = this.#full;
      this.parts.logger.info({ event: 'full.complete', epoch }, 'full sweep is complete');
    }
  }

  #beginPassWhenDue(): boolean {
    const { clock, settings, logger } = this.parts;
    const { complete, atMs } = this.#full;
    const isTime = complete && atMs !== null && clock.nowMs() - atMs >= settings.fullEveryMs;
    const isAsked = this.#repairReason !== undefined && (complete || !this.#repairs);
    if (!isTime && !isAsked) return false;
    const reason = this.#repairReason ?? 'it is time';
    this.#repairs = isAsked;
    const epoch = this.#full.epoch + 1;
    this.#repairReason = undefined;
    this.#full = { ...this.#full, epoch, cursor: cursorAtStart, complete: false };
    logger.info({ event: 'full.begun', epoch, reason }, 'full sweep begins');
    return true;
  }

  /** Reads until the database that answers is the one of the watermark. */
  #take(state: SweepState, upTo: Instant | null, signal: AbortSignal): Promise<TakenPage> {
    const { database, guard, settings, untilDone } = this.parts;
    const { cursor, origin, atMs } = state;
    return untilDone('reading a page of due artifacts', signal, async () => {
      const by = watermarkOf(state === this.#full ? 'full' : 'due', this.shard.name);
      const met = origin === null ? guard.latest : { origin, timestampMs: atMs ?? 0, by };
      const read = nextRead(cursor, settings.pageRows, upTo);
      const page = await database.readPage(this.shard, read);
      const { accepted } = guard.require(page.database, met);
      const readFrom = { origin: page.database, timestampMs: guard.timestampMs() };
      const settled = settlePage(cursor, page.rows, settings.pageRows);
      return { page, accepted, readFrom, settled };
    });
  }

  /** Records first, then the watermark. */
  async #finish(
    sweep: SweepKind,
    state: SweepState,
    taken: TakenPage,
    complete: boolean,
    signal: AbortSignal,
  ): Promise<SweepState> {
    const { clock, logger, reach } = this.parts;
    const { kept, cursor } = taken.settled;
    const moved = { ...state, cursor, complete };
    const isSaid = cursor.expireAt === state.cursor.expireAt && kept.length === 0;
    if (isSaid && !complete && !taken.accepted) return moved;
    const beganAtMs = clock.nowMs();
    reach('sweep.page-read');
    const artifacts = this.#producible(kept);
    const records = cutRecords(artifacts, taken.page.database, sourceOf[sweep]);
    await this.#produce(records, taken, signal);
    reach('sweep.records-produced');
    const written = await this.#write(sweep, moved, taken, signal);
    reach('sweep.watermark-produced');
    const counts = { sweep, artifacts: artifacts.length, records: records.length };
    const watermark = cursor.expireAt === null ? null : timestampOf(cursor.expireAt);
    const elapsedMs = clock.nowMs() - beganAtMs;
    const fields = { event: 'page.produced', ...counts, watermark, elapsedMs };
    if (artifacts.length > 0) logger.info(fields, 'page produced');
    else logger.debug(fields, 'page passed: it holds nothing to produce');
    return written;
  }

  /** @throws ReplacedDatabaseError when the database has been replaced while there was no room. */
  async #produce(
    records: readonly ExpiredRecord[],
    { readFrom }: TakenPage,
    signal: AbortSignal,
  ): Promise<void> {
    const { database, guard, output, untilDone } = this.parts;
    const confirm = async () => {
      const { database: current } = await database.readCommitState();
      guard.requireSame(current, readFrom);
    };
    const replaced = await untilDone('producing expired artifacts', signal, async (onAnswer) => {
      try {
        await output.produce(records, signal, { onAnswer, confirm });
        return undefined;
      } catch (error) {
        if (error instanceof ReplacedDatabaseError) return error;
        throw error;
      }
    });
    if (replaced !== undefined) throw replaced;
  }

  /** A row that is not in object storage is ignored; one that cannot be produced is set aside, alone. */
  #producible(rows: readonly DueRow[]): DueArtifact[] {
    return rows.flatMap((row) => {
      const { expireAt, fileStore } = row;
      if (fileStore !== stores.remote) return [];
      const { artifact, odd } = judgeArtifact(row);
      if (odd === null) return [{ ...artifact, expireAt, fileStore }];
      this.parts.setAside.add(odd);
      return [];
    });
  }

  async #write(
    sweep: SweepKind,
    state: SweepState,
    taken: TakenPage,
    signal: AbortSignal,
  ): Promise<SweepState> {
    const { guard, progress, untilDone } = this.parts;
    const written = { ...state, atMs: guard.timestampMs(), origin: taken.page.database };
    const record = progressOf(sweep, this.shard.name, written);
    await untilDone('producing a watermark', signal, () => progress.write(record));
    guard.noteSighting({ origin: written.origin, timestampMs: written.atMs });
    return written;
  }
}
