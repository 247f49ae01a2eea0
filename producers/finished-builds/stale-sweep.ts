/**
 * Sweeps one slice while this process holds it: pass after pass over the builds that have chunk rows, for those that
 * ended long ago. It finds the builds that the change events miss: from before the slot existed, with lost events, or
 * with traces that had to wait.
 *
 * Order of effects: page read, records acknowledged, then the cursor. A crash between any two repeats at most a page,
 * and a repeated record finds its trace archived.
 */
import type { DatabaseGuard } from '../../lib/brake/database-guard';
import type { Clock } from '../../lib/process/clock';
import type { Logger } from '../../lib/process/logger';
import type { SetAside } from '../../lib/metrics/set-aside';
import type { ReachStep } from '../../lib/process/steps';
import type { UntilDone } from '../../lib/service/until-done';
import type { StaleProgress } from '../../schemas/generated';
import type { ArchiverBacklog, Ends } from './archiver-backlog';
import { cursorAtStart, settlePage, type SettledPage } from './page';
import type { BuildDatabase, CursorTopic, FinishedRecord, FinishedTopic, StalePage } from './ports';
import { progressOf, stateOf, type SweepState } from './progress';
import { type FoundBuilds, foundIn, noneFound, together } from './found-builds';
import type { RecentBuilds } from './recent-builds';
import { recordOf } from './records';

interface SweepSettings {
  readonly slices: number;
  readonly pageBuilds: number;
  /** After each page. */
  readonly pauseMs: number;
  /** How long ago a build must have finished. */
  readonly ageMs: number;
  /** From the beginning of a pass to the beginning of the next. */
  readonly everyMs: number;
}

interface SweepDependencies {
  readonly database: Pick<BuildDatabase, 'readPage'>;
  readonly topic: Pick<FinishedTopic, 'produce'>;
  readonly cursors: CursorTopic;
  readonly archiver: Pick<ArchiverBacklog, 'ends' | 'room' | 'caughtUp'>;
  readonly guard: Pick<DatabaseGuard, 'latest' | 'noteSighting' | 'require' | 'timestampMs'>;
  readonly setAside: Pick<SetAside, 'add'>;
  readonly untilDone: UntilDone;
  /** Builds produced lately from changes were not lost, so a repair leaves them out. */
  readonly recent: Pick<RecentBuilds, 'has' | 'add'>;
  readonly reach: ReachStep;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: SweepSettings;
}

/** A usable page. */
interface TakenPage {
  readonly page: StalePage;
  readonly settled: SettledPage;
  /** The database is another one than the cursor's, and an operator has accepted it. */
  readonly accepted: boolean;
}

export class StaleSweep {
  #state: SweepState;
  /** What the archiver must finish before the next pass; unknown after a start, so all records. */
  #lastPass: Ends | undefined;
  #foundInPass: FoundBuilds = noneFound;
  /** By the last pass that was completed. */
  #foundBefore: FoundBuilds = noneFound;
  /** Changes of builds may have been lost: the next pass takes every finished build, however young. */
  #repairReason: string | undefined;
  /** The running pass is such a repair. */
  #repairs = false;
  /** Ends the wait for the next pass. */
  #wake = new AbortController();

  constructor(
    private readonly slice: number,
    from: StaleProgress | undefined,
    private readonly parts: SweepDependencies,
  ) {
    this.#state = stateOf(from);
  }

  /** Stale builds: of the last pass, or of the one that runs once it has found more. */
  get found(): FoundBuilds {
    const isMore = this.#foundInPass.builds > this.#foundBefore.builds;
    return isMore ? this.#foundInPass : this.#foundBefore;
  }

  /** Runs until the signal aborts, then throws its reason at the next step. */
  async run(signal: AbortSignal): Promise<never> {
    const { archiver, clock, settings } = this.parts;
    for (;;) {
      signal.throwIfAborted();
      if (this.#state.complete || this.#mustRepair) await this.#beginPass(signal);
      await archiver.room(signal);
      await this.#page(signal);
      await clock.sleep(settings.pauseMs, signal);
    }
  }

  /**
   * A pass over every build that has finished by now begins as soon as the archiver has done its present work; a repair
   * that runs already is finished first.
   */
  requestRepair(reason: string): void {
    this.#repairReason = reason;
    this.#wake.abort();
  }

  get #mustRepair(): boolean {
    return this.#repairReason !== undefined && !this.#repairs;
  }

  async #beginPass(signal: AbortSignal): Promise<void> {
    if (this.#state.pass > 0) await this.#lastPassArchived(signal);
    if (this.#repairReason === undefined) await this.#untilTime(signal);
    this.#startOver();
  }

  /** Or until a repair is requested. */
  async #untilTime(signal: AbortSignal): Promise<void> {
    const { clock, settings } = this.parts;
    const waitMs = this.#state.begunAtMs + settings.everyMs - clock.nowMs();
    if (waitMs <= 0) return;
    this.#wake = new AbortController();
    try {
      await clock.sleep(waitMs, AbortSignal.any([signal, this.#wake.signal]));
    } catch (error) {
      signal.throwIfAborted();
      if (!this.#wake.signal.aborted) throw error;
    }
  }

  async #lastPassArchived(signal: AbortSignal): Promise<void> {
    const { archiver } = this.parts;
    this.#lastPass ??= await archiver.ends(signal);
    await archiver.caughtUp(this.#lastPass, signal);
  }

  /** Kept with the first page's cursor. */
  #startOver(): void {
    const { clock, logger } = this.parts;
    const pass = this.#state.pass + 1;
    const begunAtMs = clock.nowMs();
    this.#state = { ...this.#state, pass, cursor: cursorAtStart, complete: false, begunAtMs };
    this.#foundInPass = noneFound;
    const reason = this.#repairReason;
    this.#repairs = reason !== undefined;
    this.#repairReason = undefined;
    const { slice } = this;
    if (reason === undefined) {
      logger.debug({ event: 'stale.pass-begun', slice, pass }, 'stale pass begins');
    } else {
      logger.info(
        { event: 'stale.repair-begun', slice, pass, reason },
        'repairing stale pass begins',
      );
    }
  }

  async #page(signal: AbortSignal): Promise<void> {
    const { reach, topic, untilDone } = this.parts;
    const taken = await this.#take(signal);
    reach('stale.page-read');
    for (const row of taken.page.odd) this.parts.setAside.add(row);
    const records = this.#recordsOf(taken.page);
    if (records.length > 0) {
      await untilDone('producing stale builds', signal, () => topic.produce(records));
      if (this.#repairs) for (const { key } of records) this.parts.recent.add(key);
    }
    reach('stale.records-produced');
    await this.#finish(taken, foundIn(records), signal);
    // Builds that the accepted copy has brought back lie behind the cursor.
    if (taken.accepted) this.#startOver();
  }

  /** Reads until the database that answers is the one of the cursor. */
  #take(signal: AbortSignal): Promise<TakenPage> {
    const { database, guard, settings, untilDone } = this.parts;
    const { slices, pageBuilds: buildsMax } = settings;
    const { cursor, met } = this.#state;
    const { partitionId, buildId: afterBuildId } = cursor;
    const ageMs = this.#repairs ? 0 : settings.ageMs;
    const read = { partitionId, afterBuildId, slice: this.slice, slices, buildsMax, ageMs };
    return untilDone('reading a page of stale builds', signal, async () => {
      const latest = met ?? guard.latest;
      const page = await database.readPage(read);
      const { accepted } = guard.require(page.database, latest);
      return { page, accepted, settled: settlePage(cursor, page, buildsMax) };
    });
  }

  #recordsOf({ builds, database }: StalePage): FinishedRecord[] {
    const { partitionId } = this.#state.cursor;
    const { recent } = this.parts;
    return builds
      .flatMap(({ buildId, due }) =>
        due === null ? [] : [recordOf({ partitionId, buildId, ...due }, database, 'stale')],
      )
      .filter(({ key }) => !this.#repairs || !recent.has(key));
  }

  async #finish(
    { page, settled }: TakenPage,
    found: FoundBuilds,
    signal: AbortSignal,
  ): Promise<void> {
    const { archiver, cursors, guard, logger, reach, untilDone } = this.parts;
    const { slice } = this;
    const moved = { ...this.#state, ...settled };
    const atMs = guard.timestampMs();
    const progress = progressOf(slice, moved, page.database, atMs);
    await untilDone('producing a cursor', signal, () => cursors.write(progress));
    reach('stale.cursor-produced');
    const met = { origin: progress.origin, timestampMs: atMs };
    guard.noteSighting(met);
    const { partitionId } = this.#state.cursor;
    const { pass } = moved;
    this.#state = { ...moved, met };
    this.#foundInPass = together(this.#foundInPass, found);
    if (found.builds > 0) {
      const counts = { partitionId, looked: page.builds.length, builds: found.builds };
      logger.info({ event: 'stale.produced', slice, pass, ...counts }, 'stale builds produced');
    }
    if (!settled.complete) return;
    this.#repairs = false;
    this.#lastPass = await archiver.ends(signal);
    const { builds } = this.#foundInPass;
    this.#foundBefore = this.#foundInPass;
    logger.info({ event: 'stale.pass-complete', slice, pass, builds }, 'stale pass is complete');
  }
}
