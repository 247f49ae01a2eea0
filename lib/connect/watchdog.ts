/**
 * Checks whether every change still arrives, and asks for a repair sweep where one may not have.
 *
 * Debezium does not notice a slot that was merely advanced, a table that left the publication, or changes that it lost
 * itself over a restart (3.6.3 does), and its status stays RUNNING through most failures. So every interruption or loss
 * demands a repair sweep, which begins once changes flow again: rows that were swept earlier may have missed changes.
 * (docs/adr/0020)
 */
import type { Clock } from '../process/clock';
import type { Logger } from '../process/logger';
import type { Troubles } from '../process/troubles';
import type { ArrivalLook, ArrivalProbe } from './arrival-probe';
import type { Break } from './cdc-health';

/** The parts of CdcHealth that the watchdog uses. */
export interface ObservedHealth {
  readonly slot: { readonly active: boolean; readonly activePid: number | null } | null;
  readonly connectorState: string;
  readonly storedLsn: number | null;
  readonly gap: {
    readonly kind: string;
    readonly storedLsn: number | null;
    readonly slotLsn: number | null;
    readonly streamsOn: boolean;
  } | null;
  readonly breaks: readonly Break[];
  /** Transactions below `runningFrom` have ended, none from `nextTransaction` on has begun. */
  readonly transactions: { readonly runningFrom: number; readonly nextTransaction: number };
  readonly arrivals: ArrivalLook;
}

interface WatchdogDependencies {
  readonly look: (signal: AbortSignal) => Promise<ObservedHealth>;
  readonly probe: Pick<ArrivalProbe, 'observe' | 'reset'>;
  readonly requestRepair: (reason: string) => void;
  /** Restarts the connector's failed tasks; null when another process does that. */
  readonly restartFailed: (() => Promise<void>) | null;
  /** Called with what is wrong, for as long as it is. */
  readonly troubles: Troubles;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly everyMs: number;
}

/** A password that was changed in the wrong order needs one restart; a lasting fault is not retried without end. */
const restartPauseMs = { first: 15_000, most: 600_000 } as const;

const onceMore = '(once more: the transactions open then have ended)';
const firstLook = 'this process has not watched the stream before';

export class Watchdog {
  /** Reason of a repair that waits until changes flow again. */
  #owed: string | undefined;
  /** A repair that is demanded once more, after the transactions that were open at the first have ended. */
  #again: { readonly reason: string; readonly afterTransaction: number } | undefined;
  #repaired: string | undefined;
  #suspected: string | null = null;
  #lastStoredLsn: number | null = null;
  #lastPid: number | null = null;
  #looksMissing = 0;
  #wasLosing = false;
  #problems = '';
  #restart = { pauseMs: 0, atMs: 0 };

  constructor(private readonly parts: WatchdogDependencies) {}

  async run(signal: AbortSignal): Promise<never> {
    const { clock, everyMs, look } = this.parts;
    for (;;) {
      signal.throwIfAborted();
      try {
        const health = await look(signal);
        this.observe(health);
        await this.#restartWhenDue(health);
      } catch (error) {
        signal.throwIfAborted();
        const text = error instanceof Error ? error.message : String(error);
        this.#say([{ text, losesChanges: false }]);
      }
      await clock.sleep(everyMs, signal);
    }
  }

  observe(health: ObservedHealth): void {
    const breaks = [...this.#sureBreaks(health), ...this.#unarrived(health)];
    this.#say(breaks);
    const losing = breaks.find(({ losesChanges }) => losesChanges);
    if (losing) this.#owed ??= losing.text;
    this.#notice(health);
    if (health.slot?.active !== true || losing !== undefined) return;
    const { transactions } = health;
    if (this.#owed !== undefined) {
      this.#repair(this.#owed);
      this.#again = { reason: this.#owed, afterTransaction: transactions.nextTransaction };
      this.#owed = undefined;
      // Most often none is open.
      if (transactions.runningFrom >= transactions.nextTransaction) this.#again = undefined;
    } else if (this.#again && transactions.runningFrom >= this.#again.afterTransaction) {
      // The first sweep could not see their changes, and the stream may have lost them.
      this.#repair(`${this.#again.reason} ${onceMore}`);
      this.#again = undefined;
    }
  }

  /** A burst of changes shows a gap at every check, each time another one: that is no news. */
  #sureBreaks(health: ObservedHealth): readonly Break[] {
    const name = gapName(health.gap);
    const isSure = name === null || this.#isSure(health, name);
    return isSure ? health.breaks : health.breaks.filter(({ isGap }) => isGap !== true);
  }

  #repair(reason: string): void {
    const { logger, requestRepair } = this.parts;
    const fields = { event: 'cdc.repair', reason };
    // Every process begins so, and the second one of a break is no second break: no operator has to look.
    if (reason.startsWith(firstLook)) logger.info(fields, 'begins with a sweep of what there is');
    else if (reason.endsWith(onceMore)) logger.info(fields, 'repairing once more');
    else logger.warn(fields, 'changes may have been lost, repairing');
    requestRepair(reason);
  }

  /**
   * While the chain is known to be broken the rows need not prove it as well; after its repair the probe starts anew.
   */
  #unarrived({ breaks, arrivals }: ObservedHealth): Break[] {
    const { probe } = this.parts;
    const isLosing = breaks.some(({ losesChanges }) => losesChanges);
    if (this.#wasLosing && !isLosing) probe.reset();
    this.#wasLosing = isLosing;
    const text = probe.observe(arrivals);
    return text === null ? [] : [{ text, losesChanges: true }];
  }

  #notice(health: ObservedHealth): void {
    const { gap } = health;
    // One repair for each gap: it stays visible until the connector has stored a newer position.
    const name = gapName(gap);
    if (name !== null && name !== this.#repaired && this.#isSure(health, name)) {
      this.#owed = name;
      this.#repaired = name;
    }
    this.#suspected = name;
    if (this.#isKnown(health)) this.#compareStored(health);
    this.#noticeHolder(health.slot?.activePid ?? null);
  }

  /**
   * Another holder of the slot means that the stream was interrupted. The position that it then began from is not
   * visible any more, so every interruption counts, not only one behind a commit.
   */
  #noticeHolder(pid: number | null): void {
    if (pid === null || pid === this.#lastPid) return;
    this.#owed ??= this.#lastPid === null ? firstLook : 'the stream was interrupted';
    this.#lastPid = pid;
  }

  /** A Connect that has just started does not know a connector for a moment; a deleted one stays unknown. */
  #isKnown({ connectorState }: ObservedHealth): boolean {
    this.#looksMissing = connectorState === 'MISSING' ? this.#looksMissing + 1 : 0;
    return connectorState !== 'UNREACHABLE' && this.#looksMissing !== 1;
  }

  #compareStored({ gap, storedLsn }: ObservedHealth): void {
    if (storedLsn === null && this.#lastStoredLsn !== null && gap === null) {
      this.#owed = `the connector began anew after ${this.#lastStoredLsn}`;
    }
    this.#lastStoredLsn = storedLsn;
  }

  /**
   * A slot can only be advanced while no client streams from it. A running connector may confirm a little before its
   * stored position can be read, which looks the same: so on a stream that was not interrupted since the last check,
   * the same gap must be seen twice.
   */
  #isSure({ slot, gap }: ObservedHealth, name: string): boolean {
    if (slot?.active !== true || gap?.streamsOn === false) return true;
    const isInterrupted = this.#lastPid !== null && this.#lastPid !== slot.activePid;
    return isInterrupted || this.#suspected === name;
  }

  /** Where the connector cannot go on from its position, a restart changes nothing: an operator must begin anew. */
  async #restartWhenDue({ connectorState, gap }: ObservedHealth): Promise<void> {
    const { clock, logger, restartFailed } = this.parts;
    const nowMs = clock.nowMs();
    if (connectorState !== 'FAILED' || gap?.streamsOn === false || restartFailed === null) {
      if (nowMs - this.#restart.atMs >= restartPauseMs.most) this.#restart.pauseMs = 0;
      return;
    }
    if (nowMs - this.#restart.atMs < this.#restart.pauseMs) return;
    const pauseMs = Math.max(restartPauseMs.first, 2 * this.#restart.pauseMs);
    this.#restart = { atMs: nowMs, pauseMs: Math.min(pauseMs, restartPauseMs.most) };
    await restartFailed();
    // That it failed has been warned of; the restart is what is done about it.
    logger.info(
      { event: 'cdc.restarted', nextAfterMs: this.#restart.pauseMs },
      'failed task restarted',
    );
  }

  #say(breaks: readonly Break[]): void {
    const problems = breaks.map(({ text }) => text);
    const text = problems.join(' ');
    if (text === this.#problems) return;
    const isNews = kindOf(text) !== kindOf(this.#problems);
    this.#problems = text;
    const { logger, troubles } = this.parts;
    if (text === '') {
      troubles.end(this);
      logger.info({ event: 'cdc.well' }, 'changes flow again');
    } else {
      // A mere wait leaves the process ready: the sweeps go on. A loss of changes needs an operator.
      const isStuck = breaks.some(({ losesChanges }) => losesChanges);
      troubles.set(this, { cause: `changes may not arrive: ${text}`, isStuck });
      logger[isNews ? 'warn' : 'debug'](
        { event: 'cdc.unwell', problems },
        'changes may not arrive',
      );
    }
  }
}

/** Counts and ages differ at every look. */
const kindOf = (problems: string): string => problems.replace(/[0-9]+/g, '0');

const gapName = (gap: ObservedHealth['gap']): string | null =>
  gap && `${gap.kind} after ${gap.storedLsn ?? 'nothing'}`;
