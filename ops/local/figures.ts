/** Reads the figures for the lines of `npm start` from the pages of the four processes. */

/** Address of a process's pages. */
export interface Page {
  readonly name: string;
  readonly port: number;
}

const counters = {
  artifacts: ['afterbuild_artifact_rows_total', 'fate="deleted"'],
  artifactBytes: ['afterbuild_artifact_bytes_deleted_total', ''],
  traces: ['afterbuild_traces_total', 'effect="archived"'],
  traceBytes: ['afterbuild_trace_bytes_total', ''],
} as const;

type Figure = keyof typeof counters;
export type Figures = Readonly<Record<Figure, number>>;

const figureNames = Object.keys(counters) as Figure[];

/** Sum of a metric's samples in Prometheus' text. @param label only those that have it. */
export function sumOf(text: string, metric: string, label = ''): number {
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${metric}{`) || line.startsWith(`${metric} `))
    .filter((line) => line.includes(label))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

/** @returns the dependencies whose breaker is open. */
export function awayDependencies(text: string): readonly string[] {
  return [...text.matchAll(/^afterbuild_breaker_state\{dependency="([^"]+)"\} 2$/gm)].map(
    ([, dependency = '']) => dependency,
  );
}

/** The state of a process, in words; empty when all is normal. */
export function describeState(name: string, text: string | undefined): string {
  if (text === undefined) return `${name} does not answer`;
  const away = awayDependencies(text);
  if (away.length > 0) return `${name} waits for ${away.join(', ')}`;
  return sumOf(text, 'afterbuild_ready') > 0 ? '' : `${name} is not ready`;
}

/** Adds up counters over the restarts of the counting processes. */
export class FigureBook {
  readonly #last = new Map<string, number>();
  readonly #totals = { artifacts: 0, artifactBytes: 0, traces: 0, traceBytes: 0 };

  /** @param text of a process's page; a restarted process counts from 0. */
  note(name: string, text: string): void {
    for (const figure of figureNames) {
      const [metric, label] = counters[figure];
      const now = sumOf(text, metric, label);
      const before = this.#last.get(`${name} ${figure}`) ?? 0;
      this.#totals[figure] += now >= before ? now - before : now;
      this.#last.set(`${name} ${figure}`, now);
    }
  }

  totals(): Figures {
    return { ...this.#totals };
  }
}

async function read({ port }: Page): Promise<string | undefined> {
  try {
    const url = `http://127.0.0.1:${port}/metrics`;
    const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    return await answer.text();
  } catch {
    return undefined;
  }
}

interface Look {
  readonly totals: Figures;
  /** Messages about single processes; none when all work. */
  readonly states: readonly string[];
}

export async function look(pages: readonly Page[], book: FigureBook): Promise<Look> {
  const texts = await Promise.all(pages.map(read));
  const states = pages.map(({ name }, at) => {
    const text = texts[at];
    if (text !== undefined) book.note(name, text);
    return describeState(name, text);
  });
  return { totals: book.totals(), states: states.filter((state) => state !== '') };
}
