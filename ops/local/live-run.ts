/** The work of `npm start` once the servers are up: the pipeline on a small GitLab, and the check that all is well. */
import { processes as declared } from '../../lib/process/processes';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../lib/process/clock';
import { liveOnce } from '../gitlab/life';
import { countOpenTraces, countOpenWork } from '../gitlab/open-work';
import { seed } from '../gitlab/seed';
import { trickle } from '../gitlab/trickle';
import { connectGitlab, type ConnectedGitlab } from './connected-gitlab';
import { drain } from './drain';
import { FigureBook, look, type Page } from './figures';
import { finalCheck } from './final-check';
import { isOutage, sentenceOf, waitOut, type Patience } from './outages';
import { freePort } from './stack/ports';
import { prepareStack } from './prepare';
import { createProcesses, type Processes } from './processes';
import type { Progress } from '../../lib/process/progress';
import type { RunningStack } from './stack/running-stack';
import { watchServers } from './server-watch';
import { defaultScope, stackEnvironment } from './stack/stack-environment';
import type { StartOptions } from './start-options';
import { describeMoment, describeTotals, whereToLook, type Moment } from './story';

const scope = defaultScope;

interface LiveRunOptions {
  readonly options: StartOptions;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

interface Run extends LiveRunOptions {
  readonly stack: RunningStack;
  readonly gitlab: ConnectedGitlab;
  readonly processes: Processes;
  readonly pages: Page[];
  /** Where the page of `afterbuild ui` is served. */
  readonly pagePort: number;
  readonly book: FigureBook;
}

/** The end: the findings of the check, or nothing when nothing was to be checked. */
export interface LiveRunEnd {
  readonly isBroken: boolean;
  /** Printed when everything has stopped, so that it is the last line. */
  readonly lastLine?: string;
}

/** Short times, so that a user need not wait two minutes for a late line, or twelve hours for a sweep. */
const impatient = { ARCHIVE_SETTLE_MS: '3000', STALE_AGE_MS: '5000', STALE_EVERY_MS: '2000' };

const tellEveryMs = 10_000;
/** The hint scrolls away, so it is repeated. */
const hintEveryMs = 300_000;

const patienceOf = ({ progress, signal }: Pick<Run, 'progress' | 'signal'>): Patience => ({
  say: progress.line,
  signal,
});

async function startProcesses({ stack, processes, progress, pages }: Run): Promise<void> {
  for (const [name, { role }] of Object.entries(declared)) {
    const port = await freePort();
    const environment = { ...stackEnvironment(stack, role, scope), ...impatient };
    await processes.start(name, { ...environment, HTTP_PORT: String(port) });
    pages.push({ name, port });
    const pid = processes.running().get(name) ?? 'gone';
    progress.line(`${name} runs as process ${pid}: http://127.0.0.1:${port}/metrics, /readyz`);
  }
}

const pageOf = ({ pagePort }: Run): string => `look at http://127.0.0.1:${pagePort}/ in a browser`;

/** The first thing that a user sees; the small GitLab's values are nobody's secret. */
async function startPage(run: Run): Promise<void> {
  run.progress.line(pageOf(run));
  await run.processes.start('ui', {
    ...stackEnvironment(run.stack, 'reader', scope, 'page'),
    ...{ UI_PORT: String(run.pagePort), UI_SHOW_VALUES: 'true' },
  });
}

/** Seeds and makes the seeded changes, unless a kept run has done that. @returns how many will be deleted. */
async function seedAndLive({ options, gitlab, progress, signal }: Run): Promise<number> {
  const known = (await gitlab.ledger.read()).seeded;
  if (known !== undefined) {
    progress.line('going on with the data of the last run');
    return known.willGo;
  }
  const bar = progress.bar('seeding', options.artifacts, 'artifacts');
  const { builds, artifacts, randomSeed } = options;
  const onProgress = (stored: number): void => {
    signal.throwIfAborted();
    bar.update(stored);
  };
  const seeded = await seed(gitlab, { builds, artifacts, randomSeed, onProgress });
  bar.finish(`${seeded.willGo} will go, ${seeded.willStay} will stay`);
  const { traces, ...life } = await liveOnce(gitlab, seeded, signal);
  progress.line(
    `GitLab's users went on: ${life.unlocked} artifacts unlocked, ${life.locked} locked, ${life.extended} extended, ${life.movedToPast} expired at once, ${life.deletedByGitlab} deleted by GitLab itself; ${traces.finished} builds finished late, ${traces.erased} were erased`,
  );
  return seeded.willGo;
}

/** Endless work. After an outage it begins anew with other work, since the state of the old is unknown. */
async function liveOn({ options, gitlab, ...run }: Run): Promise<void> {
  const { signal, progress } = run;
  for (let { randomSeed } = options; !signal.aborted; randomSeed += 1) {
    const life = { randomSeed, clock: systemClock, signal, everyMs: 500 };
    await trickle(gitlab, life).catch((error: unknown) => {
      if (signal.aborted || !isOutage(error)) throw error;
      progress.line(`the small GitLab was interrupted: ${sentenceOf(error)}`);
    });
    await waitOut('the small GitLab', () => gitlab.pool.query('SELECT'), patienceOf(run));
    await sleep(1_000, undefined, { signal });
  }
}

async function tellOnce(run: Run, before: Moment): Promise<Moment> {
  const { gitlab, progress, pages, book } = run;
  const { totals, states } = await look(pages, book);
  const now = { atMs: performance.now(), totals };
  const open = await waitOut(
    'this display',
    async () => ({
      ...(await countOpenWork(gitlab.pool, 60_000)),
      traces: await countOpenTraces(gitlab.pool),
    }),
    patienceOf(run),
  );
  progress.line(describeMoment(now, before, open, states));
  return now;
}

async function tellLife(run: Run): Promise<void> {
  const { signal, pages, book, progress, stack } = run;
  let last: Moment = { atMs: performance.now(), totals: (await look(pages, book)).totals };
  let hintedMs = performance.now();
  for (;;) {
    await sleep(tellEveryMs, undefined, { signal });
    last = await tellOnce(run, last);
    if (performance.now() - hintedMs < hintEveryMs) continue;
    hintedMs = performance.now();
    whereToLook(stack.dataDir).forEach(progress.line);
  }
}

/** Endless work, with a line every few seconds. Ends with the signal. */
async function goOn(run: Run): Promise<void> {
  const { progress, signal, stack } = run;
  progress.line('going on with a trickle of new work');
  progress.line(pageOf(run));
  whereToLook(stack.dataDir).forEach(progress.line);
  const untilStopped = (error: unknown): void => {
    if (!signal.aborted) throw error;
  };
  await Promise.all([liveOn(run).catch(untilStopped), tellLife(run).catch(untilStopped)]);
}

/** Counted in the stores and compared with the ledger: the pipeline's own counts are not used. */
async function finish(run: Run): Promise<LiveRunEnd> {
  const { gitlab, stack, signal, progress } = run;
  const { seeded } = await gitlab.ledger.read();
  const found = await finalCheck(gitlab, stack, { scope, signal, say: progress.line });
  const { archived, deleted, kept } = found;
  const problems = [...found.problems];
  if (deleted !== seeded?.willGo || kept !== seeded.willStay) {
    problems.push(
      `${deleted} artifacts were deleted and ${kept} kept; the ledger says ${String(seeded?.willGo)} and ${String(seeded?.willStay)}`,
    );
  }
  problems.forEach((problem) => progress.line(problem));
  const verdict = problems.length === 0 ? 'invariants hold' : 'invariants are broken';
  return {
    isBroken: problems.length > 0,
    lastLine: `archived ${archived} traces, deleted ${deleted} artifacts, kept ${kept}, ${verdict}`,
  };
}

async function work(run: Run): Promise<LiveRunEnd> {
  await startPage(run);
  await startProcesses(run);
  const willGo = await seedAndLive(run);
  await drain(run.stack, run.gitlab, { ...run, scope, willGo });
  if (run.options.once) return finish(run);
  await goOn(run);
  return { isBroken: false };
}

/** Never fulfilled before the signal: only its failure counts. */
async function watchUntil(run: Pick<Run, 'stack' | 'progress' | 'signal'>): Promise<never> {
  const { stack, progress, signal } = run;
  await watchServers({ dataDir: stack.dataDir, say: progress.line, signal });
  throw signal.reason;
}

/** Runs until the work is done, something fails for good, or the signal comes; then stops all but the stack. */
export async function runLive(stack: RunningStack, given: LiveRunOptions): Promise<LiveRunEnd> {
  const { dataDir } = stack;
  const { progress } = given;
  await prepareStack(stack, { scope, log: progress.line, signal: given.signal });
  const cut = new AbortController();
  const signal = AbortSignal.any([given.signal, cut.signal]);
  const restart = { say: progress.line, signal };
  const processes = createProcesses({ dataDir, restart });
  const patience = patienceOf({ progress, signal });
  const gitlab = connectGitlab(stack, scope, (request) =>
    waitOut('the small GitLab', request, patience),
  );
  const book = new FigureBook();
  const pagePort = await freePort();
  const run: Run = { ...given, stack, gitlab, processes, signal, pages: [], pagePort, book };
  const working = work(run);
  const watching = watchUntil(run);
  try {
    return await Promise.race([working, processes.failure, watching]);
  } finally {
    cut.abort();
    await Promise.allSettled([working, watching]);
    progress.line('stopping the pipeline');
    await look(run.pages, book);
    await processes.stop();
    await gitlab.close();
    progress.line(`the pipeline has stopped: ${describeTotals(book.totals())}`);
  }
}
