/** `afterbuild ui`: a read-only page that shows the whole pipeline, live. */
import type { Command } from 'commander';
import { systemClock } from '../../lib/process/clock';
import { loadConfig, uiSchema } from '../../lib/process/config';
import { action } from '../action';
import { exitCodes, type ExitCode } from '../exit-codes';
import { jsonOption, printProgress, printResult, type OutputOptions } from '../output';
import { addTopicPaths } from './topic-paths';
import { History } from './history';
import { curvesOf, countersOf, pageStateOf, type PageState, type Reading } from './page-state';
import { startPageServer } from './page-server';
import { Rates } from './rates';
import { openSources, readOnAndOn } from './shared-reader';
import { eventText, Viewers } from './viewers';

export function addUiCommand(program: Command): void {
  program
    .command('ui')
    .description('serve a read-only page with the live state of the pipeline, until Ctrl-C')
    .option(...jsonOption)
    .addHelpText(
      'after',
      [
        '',
        'UI_HOST and UI_PORT say where (127.0.0.1:9465); it has no login of its own (docs/watching.md).',
        'UI_SHOW_VALUES=true shows the decoded values of records, too.',
        '',
        'Examples:',
        '  $ afterbuild ui',
        '  $ UI_PORT=0 afterbuild ui --json',
      ].join('\n'),
    )
    .action(action(ui));
}

/** A signal is how it ends. */
async function ui(options: OutputOptions, signal: AbortSignal): Promise<ExitCode> {
  const config = loadConfig(uiSchema, process.env);
  const sources = await openSources(config);
  const live = new LiveState(config.AFTERBUILD_NAMESPACE);
  const { viewers } = live;
  try {
    const server = await startPageServer({
      host: config.UI_HOST,
      port: config.UI_PORT,
      view: live,
      more: (app) => addTopicPaths(app, { config, sources }),
    });
    try {
      const { url } = server;
      printResult(options, { url }, [`The page is at ${url} (it only reads; Ctrl-C ends it).`]);
      const isWatched = (): boolean => viewers.count > 0;
      const { onReading, onFailure } = live;
      const reading = { config, sources, isWatched, onReading, onFailure };
      await readOnAndOn(reading, signal).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
      return exitCodes.ok;
    } finally {
      await server.close();
    }
  } finally {
    await sources.close();
  }
}

/** The last state, the last hour, and the viewers who get both. */
class LiveState {
  readonly history = new History();
  readonly viewers = new Viewers();
  readonly #rates = new Rates();
  #state: PageState | null = null;
  #failure: string | null = null;

  constructor(private readonly namespace: string) {}

  readonly state = (): PageState | null => this.#state;

  readonly onReading = (reading: Reading): void => {
    if (this.#failure !== null) printProgress('afterbuild: Kafka answers again');
    this.#failure = null;
    this.#rates.look(reading.atMs, countersOf(reading));
    this.#state = pageStateOf(reading, this.#rates, this.namespace);
    this.viewers.send(eventText('state', this.#state));
    const point = { atMs: reading.atMs, values: curvesOf(this.#state) };
    if (this.history.add(point)) this.viewers.send(eventText('point', point));
  };

  /** Viewers see how old their state is, and why. */
  readonly onFailure = (sentence: string): void => {
    if (this.#failure !== sentence) printProgress(`afterbuild: ${sentence}`);
    this.#failure = sentence;
    this.viewers.send(eventText('failure', { atMs: systemClock.nowMs(), sentence }));
  };
}
