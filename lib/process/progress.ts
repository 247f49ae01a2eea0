/** Shows the progress of a task: bars with rate and time left on a terminal, plain lines everywhere else. */
import { MultiBar, Presets } from 'cli-progress';

export interface Bar {
  /** @param done the total so far, not since the last call. */
  update(done: number): void;
  /** Shows the result and removes the bar. */
  finish(outcome: string): void;
}

export interface Progress {
  /** @param total undefined when unknown. @param unit plural, for example `artifacts`. */
  bar(title: string, total: number | undefined, unit: string): Bar;
  readonly line: (text: string) => void;
  /** Restores the terminal; called once, in every case. */
  close(): void;
}

const lineEveryMs = 5_000;
const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** For example `90 s` or `12 min`. */
export function describeSeconds(seconds: number): string {
  if (seconds < 120) return `${Math.ceil(seconds)} s`;
  return seconds < 7_200 ? `${Math.ceil(seconds / 60)} min` : `${Math.ceil(seconds / 3_600)} h`;
}

/** For example `3,400/s, 5 s left`; empty before anything is done. */
export function describeRate(done: number, total: number | undefined, elapsedMs: number): string {
  if (done <= 0 || elapsedMs <= 0) return '';
  const perSecond = (done * 1_000) / elapsedMs;
  const rate = perSecond < 10 ? perSecond.toFixed(1) : whole.format(perSecond);
  // The first few say nothing about the rest.
  if (total === undefined || total <= done || done < total * 0.02) return `${rate}/s`;
  return `${rate}/s, ${describeSeconds((total - done) / perSecond)} left`;
}

function describeAmount(done: number, total: number | undefined, unit: string): string {
  const amount =
    total === undefined ? whole.format(done) : `${whole.format(done)} of ${whole.format(total)}`;
  return `${amount} ${unit}`;
}

/**
 * A line when a task begins, when it ends, and every five seconds between.
 * @param nowMs a clock that only goes forward.
 */
export function createPlainProgress(
  log: (line: string) => void,
  nowMs: () => number = () => performance.now(),
): Progress {
  return {
    bar(title, total, unit) {
      const startedMs = nowMs();
      let lastLineMs = startedMs;
      log(total === undefined ? title : `${title}: ${whole.format(total)} ${unit}`);
      return {
        update(done) {
          if (nowMs() - lastLineMs < lineEveryMs) return;
          lastLineMs = nowMs();
          const rate = describeRate(done, total, nowMs() - startedMs);
          log(`${title}: ${describeAmount(done, total, unit)}${rate === '' ? '' : `, ${rate}`}`);
        },
        finish(outcome) {
          log(`${title}: ${outcome}, ${describeSeconds((nowMs() - startedMs) / 1_000)}`);
        },
      };
    },
    line: log,
    close: () => undefined,
  };
}

const showCursor = '\u001B[?25h';

function createBars(stream: NodeJS.WriteStream): Progress {
  // For any end of this process: a terminal without a cursor looks broken.
  process.once('exit', () => void stream.write(showCursor));
  const bars = new MultiBar(
    {
      stream,
      format: '{title} {bar} {amount} {rate}',
      hideCursor: true,
      clearOnComplete: true,
      stopOnComplete: false,
      gracefulExit: false,
      linewrap: false,
    },
    Presets.rect,
  );
  const line = (text: string): void => {
    bars.log(`${text}\n`);
    bars.update();
  };
  return {
    bar(title, total, unit) {
      const startedMs = performance.now();
      const describe = (done: number) => ({
        title: title.padEnd(32),
        amount: describeAmount(done, total, unit),
        rate: describeRate(done, total, performance.now() - startedMs),
      });
      const bar = bars.create(total ?? 1, 0, describe(0));
      return {
        update: (done) =>
          bar.update(total === undefined ? 0 : Math.min(done, total), describe(done)),
        finish(outcome) {
          bars.remove(bar);
          line(`${title}: ${outcome}, ${describeSeconds((performance.now() - startedMs) / 1_000)}`);
        },
      };
    },
    line,
    close: () => bars.stop(),
  };
}

/** @param stream normally stderr: stdout is for results. */
export function createProgress(stream: NodeJS.WriteStream): Progress {
  if (stream.isTTY) return createBars(stream);
  return createPlainProgress((line) => void stream.write(`${line}\n`));
}
