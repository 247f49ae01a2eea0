/**
 * Watches whether every change still reaches us. Debezium does not see a slot that was merely advanced,
 * and its status stays RUNNING through most of what can go wrong; a gap is repaired by a full sweep.
 */
import type { Clock } from '../../lib/process/clock';
import type { Logger } from '../../lib/process/logger';
import type { Troubles } from '../../lib/process/troubles';

/** What of `lib/connect`'s CdcHealth the watchdog judges by. */
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
  readonly problems: readonly string[];
}

export interface WatchdogDependencies {
  readonly readHealth: (signal: AbortSignal) => Promise<ObservedHealth>;
  readonly requestRepair: (reason: string) => void;
  /** Told what it sees, for as long as it does. The sweeps go on meanwhile, so that it is no reason to be unready. */
  readonly troubles: Troubles;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly everyMs: number;
}

export class Watchdog {
  /** A gap whose repair waits until changes flow again: what is swept before may be missed behind. */
  #owed: string | undefined;
  #repaired: string | undefined;
  #suspected: string | null = null;
  #lastStoredLsn: number | null = null;
  #lastPid: number | null = null;
  #looksMissing = 0;
  #problems = '';

  constructor(private readonly parts: WatchdogDependencies) {}

  async run(signal: AbortSignal): Promise<never> {
    const { clock, everyMs, readHealth } = this.parts;
    for (;;) {
      signal.throwIfAborted();
      try {
        this.observe(await readHealth(signal));
      } catch (error) {
        signal.throwIfAborted();
        this.#say([error instanceof Error ? error.message : String(error)]);
      }
      await clock.sleep(everyMs, signal);
    }
  }

  observe(health: ObservedHealth): void {
    this.#say(health.problems);
    this.#notice(health);
    const flows = health.slot?.active === true && (health.gap?.streamsOn ?? true);
    if (this.#owed === undefined || !flows) return;
    const reason = this.#owed;
    this.#owed = undefined;
    this.parts.logger.warn({ event: 'cdc.repair', reason }, 'changes were lost, repairing');
    this.parts.requestRepair(reason);
  }

  #notice(health: ObservedHealth): void {
    const { gap } = health;
    // One repair a gap: it stays in sight until the connector has stored a newer position.
    const name = gap && `${gap.kind} after ${gap.storedLsn ?? 'nothing'}`;
    if (name !== null && name !== this.#repaired && this.#isSure(health, name)) {
      this.#owed = name;
      this.#repaired = name;
    }
    this.#suspected = name;
    this.#lastPid = health.slot?.activePid ?? this.#lastPid;
    if (this.#isKnown(health)) this.#compareStored(health);
  }

  /** A Connect that has just started knows no connector for a moment; one that is deleted stays unknown. */
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
   * A slot can only be advanced while nobody streams from it. A connector at work may confirm a little
   * before its stored position can be read, which looks the same: so on a stream that was not
   * interrupted since the last look, the same gap must be seen twice.
   */
  #isSure({ slot, gap }: ObservedHealth, name: string): boolean {
    if (slot?.active !== true || gap?.streamsOn === false) return true;
    const isInterrupted = this.#lastPid !== null && this.#lastPid !== slot.activePid;
    return isInterrupted || this.#suspected === name;
  }

  #say(problems: readonly string[]): void {
    const text = problems.join(' ');
    if (text === this.#problems) return;
    this.#problems = text;
    const { logger, troubles } = this.parts;
    if (text === '') {
      troubles.end(this);
      logger.info({ event: 'cdc.well' }, 'changes flow again');
    } else {
      troubles.set(this, { cause: `changes may not arrive: ${text}`, isStuck: false });
      logger.warn({ event: 'cdc.unwell', problems }, 'changes may not arrive');
    }
  }
}
