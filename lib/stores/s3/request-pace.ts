/**
 * How fast a prefix of a bucket may be used, found by the provider's answers. Pure: the caller passes the time.
 *
 * There is no pace until the provider answers SlowDown for the first time. The rate granted by then is a first guess,
 * which doubles every second until that is refused, too. From then on a refusal lets the rate fall below the best of
 * the last seconds, and it grows back on a cubic curve: quickly towards the refused rate, slowly past it, and faster
 * again the longer nothing is refused. So it stays close below a constant limit, and finds a moving one. The pace
 * counts keys, not requests, as providers do.
 *
 * Requests get their turns in the order of asking. A turn is a place in a line of keys, and comes when the rate has
 * reached its end; so waiting requests follow a changed rate at once.
 */

interface PaceSettings {
  /** Keys a second that are never exceeded, even if the provider grants more. */
  readonly perSecondMax?: number | undefined;
}

/** Share of the refused rate, after a SlowDown. */
const fallTo = 0.85;
/** After so long the rate is back at the refused one. */
const backAfterSeconds = 12;
/** The best second is looked for in so long. */
const seenMs = 3_000;
/** Above the rate granted lately nothing is known: a rate that grew unused is not the refused one. */
const knownShare = 1.1;
const perSecondMin = 10;
/** A pause saves up at most one full request. */
const savedKeysMax = 1_000;

export class RequestPace {
  readonly #perSecondMax: number;
  /** Where the rate was refused last, and when. */
  #refused: {
    readonly perSecond: number;
    readonly atMs: number;
    readonly isGuess: boolean;
  } | null = null;
  #granted: { readonly atMs: number; readonly keys: number }[] = [];
  /** The line: where the last turn ends, and how far the rate has come. */
  #lineEnd = 0;
  #reached = savedKeysMax;
  #reachedAtMs: number | null = null;

  constructor({ perSecondMax = Infinity }: PaceSettings = {}) {
    this.#perSecondMax = perSecondMax;
  }

  /** Keys a second at that moment. */
  perSecond(nowMs: number): number {
    if (!this.#refused) return this.#perSecondMax;
    const { perSecond, atMs, isGuess } = this.#refused;
    const seconds = (nowMs - atMs) / 1_000;
    const curve = (1 - fallTo) * ((seconds - backAfterSeconds) / backAfterSeconds) ** 3;
    const grown = isGuess ? fallTo * 2 ** seconds : 1 + curve;
    return Math.min(this.#perSecondMax, Math.max(perSecondMin, perSecond * grown));
  }

  /** @returns the turn, for `waitMs`. */
  take(keys: number, nowMs: number): number {
    this.#advance(nowMs);
    this.#lineEnd += keys;
    return this.#lineEnd;
  }

  /** @returns 0 when it is this turn's time; else the milliseconds after which to ask again. */
  waitMs(turn: number, nowMs: number): number {
    this.#advance(nowMs);
    const keys = turn - this.#reached;
    return keys <= 0 ? 0 : Math.ceil((1_000 * keys) / this.perSecond(nowMs));
  }

  granted(keys: number, nowMs: number): void {
    this.#granted = this.#granted.filter(({ atMs }) => atMs > nowMs - seenMs);
    if (keys > 0) this.#granted.push({ atMs: nowMs, keys });
  }

  /** @param sentAtMs a request sent before the last fall says nothing about the rate since then. */
  slowedDown(keys: number, sentAtMs: number, nowMs: number): void {
    this.#advance(nowMs);
    // The provider has nothing left: the saved-up request is lost.
    this.#reached = Math.min(this.#reached, this.#lineEnd);
    if (this.#refused && sentAtMs < this.#refused.atMs) return;
    const isGuess = this.#refused === null;
    const best = this.#bestSecond(nowMs);
    const rate = this.perSecond(nowMs);
    const known = best > 0 ? knownShare * best : rate / 2;
    const perSecond = isGuess ? Math.max(best, keys) : Math.min(rate, known);
    this.#refused = { perSecond, atMs: nowMs, isGuess };
  }

  #advance(nowMs: number): void {
    const seconds = (nowMs - (this.#reachedAtMs ?? nowMs)) / 1_000;
    const rate = this.perSecond(nowMs);
    const reached = rate === Infinity ? Infinity : this.#reached + seconds * rate;
    this.#reached = Math.min(this.#lineEnd + savedKeysMax, reached);
    this.#reachedAtMs = nowMs;
  }

  /** The most keys that were granted within a second. */
  #bestSecond(nowMs: number): number {
    const seen = this.#granted.filter(({ atMs }) => atMs > nowMs - seenMs);
    const secondFrom = (fromMs: number): number =>
      seen.reduce(
        (sum, { atMs, keys }) => (atMs >= fromMs && atMs < fromMs + 1_000 ? sum + keys : sum),
        0,
      );
    return seen.reduce((best, { atMs }) => Math.max(best, secondFrom(atMs)), 0);
  }
}
