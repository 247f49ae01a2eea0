/**
 * Runs sweeps of this process: each from the moment that this process holds the partition of its progress, and has read
 * it, until the partition is lost.
 */
import type { Clock } from '../process/clock';
import type { Logger } from '../process/logger';

/** The loop over one part of a table. */
export interface Sweep {
  /** Until the signal aborts. @throws only what no repetition can repair. */
  run(signal: AbortSignal): Promise<never>;
  /** Begin again at the first row: changes may have been lost. */
  requestRepair(reason: string): void;
}

/** A part of a table that one sweep reads. */
export interface SweepTarget {
  readonly name: string;
  /** Of the topic of progress; its holder sweeps the target. */
  readonly partition: number;
}

export interface HeldSweepsParts {
  readonly clock: Clock;
  readonly logger: Logger;
  /** A sweep ended with an error that no repetition can repair: the process must end. */
  readonly onFatal: (error: Error) => void;
}

/** How a kind of sweep names itself in the log. */
interface Words {
  readonly begun: string;
  readonly ended: string;
  /** For example `stale sweep`. */
  readonly sweep: string;
}

/**
 * For so long a repair also applies to targets that had no holder when it was requested, or whose holder died during it,
 * or gave it up for a rebalance: longer than a rebalance takes.
 */
const repairOwedMs = 600_000;

interface Running<T extends SweepTarget, S extends Sweep> {
  readonly target: T;
  readonly sweep: S;
  readonly abort: AbortController;
  readonly ended: Promise<void>;
}

export abstract class HeldSweeps<T extends SweepTarget, S extends Sweep> {
  readonly #held = new Set<number>();
  readonly #running = new Map<string, Running<T, S>>();
  #repair: { readonly reason: string; readonly atMs: number } | undefined;
  /** The pass of each target at the moment of the request. */
  readonly #repairAsked = new Map<string, number>();
  #mayRun = false;

  protected constructor(
    private readonly held: HeldSweepsParts,
    private readonly words: Words,
  ) {}

  /** What the holder of the partition sweeps. */
  protected abstract targetsOf(partition: number): readonly T[];
  /** Makes the sweep, from the progress that is known of the target. */
  protected abstract createSweep(target: T): S;
  /** The number of the target's pass in its progress: it grows when a repair has begun. */
  protected abstract passOf(target: T): number;
  protected abstract forget(partition: number): void;
  protected abstract logged(target: T): object;

  /** The targets that are swept here now. */
  protected get running(): readonly { readonly target: T; readonly sweep: S }[] {
    return [...this.#running.values()];
  }

  /** All of the partition's progress has been read, and this process holds it. */
  hold(partition: number): void {
    this.#held.add(partition);
    this.beginMissing();
  }

  /** Resolves when no page of the partition is in progress any more; its progress stays known. */
  async pause(partition: number): Promise<void> {
    this.#held.delete(partition);
    await this.endWhere((target) => target.partition === partition);
  }

  /** Another process holds the partition: its progress may be outdated when it comes back. */
  lose(partition: number): void {
    void this.pause(partition);
    this.forget(partition);
  }

  /** Everything that this process sweeps is swept again from the beginning, also what comes to it just now. */
  requestRepair(reason: string): void {
    this.#repair = { reason, atMs: this.held.clock.nowMs() };
    this.#repairAsked.clear();
    for (const { target, sweep } of this.#running.values()) this.#ask(target, sweep, reason);
  }

  /** Held targets may be swept from now on. */
  protected allow(): void {
    this.#mayRun = true;
    this.beginMissing();
  }

  protected async endAll(): Promise<void> {
    this.#mayRun = false;
    await this.endWhere(() => true);
  }

  protected beginMissing(): void {
    if (!this.#mayRun) return;
    for (const target of [...this.#held].flatMap((partition) => this.targetsOf(partition))) {
      if (!this.#running.has(target.name)) this.#begin(target);
    }
  }

  /** @returns when the last page of each such sweep is finished. */
  protected async endWhere(isMeant: (target: T) => boolean): Promise<void> {
    const meant = [...this.#running.values()].filter(({ target }) => isMeant(target));
    await Promise.all(meant.map((running) => this.#end(running)));
  }

  protected fatal(error: unknown): void {
    this.held.onFatal(error instanceof Error ? error : new Error(String(error)));
  }

  #begin(target: T): void {
    const sweep = this.createSweep(target);
    if (this.#repair && this.#isOwed(target)) this.#ask(target, sweep, this.#repair.reason);
    const abort = new AbortController();
    const ended = sweep.run(abort.signal).catch((error: unknown) => {
      if (!abort.signal.aborted) this.fatal(error);
    });
    this.#running.set(target.name, { target, sweep, abort, ended });
    const { begun: event, sweep: what } = this.words;
    this.held.logger.info({ event, ...this.logged(target) }, `${what} begins`);
  }

  #ask(target: T, sweep: S, reason: string): void {
    this.#repairAsked.set(target.name, this.passOf(target));
    sweep.requestRepair(reason);
  }

  /** A target that moved, or was given up for a rebalance, before its repair had begun. */
  #isOwed(target: T): boolean {
    const { clock } = this.held;
    if (this.#repair === undefined || clock.nowMs() - this.#repair.atMs > repairOwedMs)
      return false;
    const asked = this.#repairAsked.get(target.name);
    return asked === undefined || this.passOf(target) <= asked;
  }

  async #end(running: Running<T, S>): Promise<void> {
    const { target, abort, ended } = running;
    abort.abort(new Error(`${target.name} is not swept here any more.`));
    await ended;
    if (this.#running.get(target.name) !== running) return;
    this.#running.delete(target.name);
    const { ended: event, sweep: what } = this.words;
    this.held.logger.info({ event, ...this.logged(target) }, `${what} ends`);
    // It may have come back while its last page was still being finished.
    this.beginMissing();
  }
}
