/** Turns the first Ctrl-C, SIGTERM or SIGHUP into a request to stop, and a second one into an end at once. */

/** One Ctrl-C may arrive twice: from the terminal itself, and forwarded by npm and our own starter. */
const sameRequestMs = 500;

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
export type EndingSignal = (typeof signals)[number];

interface Interruption {
  /** Aborted by the first SIGINT, SIGTERM or SIGHUP. */
  readonly signal: AbortSignal;
  /** Restores the signal handling of before. */
  release(): void;
}

interface InterruptionOptions {
  readonly source: Pick<NodeJS.Process, 'on' | 'off'>;
  readonly nowMs: () => number;
  /** Called once, when a further request to stop comes. */
  readonly onSecond: (signal: EndingSignal) => void;
}

export function listenForInterruption(options: InterruptionOptions): Interruption {
  const controller = new AbortController();
  let firstMs: number | undefined;
  let isOver = false;
  const onSignal = (signal: EndingSignal): void => {
    if (firstMs === undefined) {
      firstMs = options.nowMs();
      controller.abort(new Error(`stopped by ${signal}`));
    } else if (!isOver && options.nowMs() - firstMs > sameRequestMs) {
      isOver = true;
      options.onSecond(signal);
    }
  };
  const listeners = signals.map((signal) => [signal, () => onSignal(signal)] as const);
  for (const [signal, listener] of listeners) options.source.on(signal, listener);
  return {
    signal: controller.signal,
    release() {
      for (const [signal, listener] of listeners) options.source.off(signal, listener);
    },
  };
}
