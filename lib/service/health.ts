/**
 * Health endpoints, stall detection, shutdown deadline: the same for every process of the pipeline.
 *
 * While a process runs it serves /metrics, /livez and /readyz, and checks that work gets done. When work waits and
 * nothing is finished, it first turns /readyz red and then ends the process. The drain at the end has a time limit, and
 * so has an end that hangs.
 */
import { setConsumerGauges } from '../metrics/consumer-gauges';
import { Metrics } from '../metrics/metrics';
import { MetricsObserver } from '../metrics/metrics-observer';
import type { Consumer } from '../runtime/consumer';
import type { RuntimeObserver } from '../runtime/observer';
import { systemClock, type Clock } from '../process/clock';
import { ConfigError } from '../process/config';
import { jsonPage, startHttpServer, type HttpServer, type Page, type Pages } from './http-server';
import { readinessOf, type Phase, type Readiness } from './readiness';
import type { ProcessContext } from './run-process';
import { StalledError } from '../process/stalled-error';
import { SetAsideRows, type SetAside } from '../metrics/set-aside';
import { Troubles } from '../process/troubles';
import { version } from '../process/version';

export interface HealthSettings {
  readonly HTTP_HOST: string;
  /** Undefined: no server. */
  readonly HTTP_PORT?: number | undefined;
  readonly STALL_RED_MS: number;
  readonly STALL_EXIT_MS: number;
  readonly STOP_LIMIT_MS: number;
}

interface Health {
  readonly metrics: Metrics;
  /** For the consumer's options. */
  readonly observer: RuntimeObserver;
  /** Work that repeats after a failure registers here; readiness depends on it. */
  readonly troubles: Troubles;
  /** Rows that cannot be handled; `afterbuild status` shows them. */
  readonly setAside: SetAside;
  /** From now on readiness, gauges and stall detection follow this consumer. @returns it. */
  readonly watch: (consumer: Consumer) => Consumer;
}

export type HealthContext = ProcessContext & Health;

const lookEveryMs = 1_000;
/** Time after the drain to close what is open. Below what supervisors leave between SIGTERM and SIGKILL. */
const closeLimitMs = 10_000;

/**
 * @param name of the process, for its metrics.
 * @throws ConfigError when the address is taken or the limits contradict each other.
 */
export async function withHealth(
  name: string,
  settings: HealthSettings,
  context: ProcessContext,
  work: (context: HealthContext) => Promise<{ readonly clean: boolean }>,
  clock: Clock = systemClock,
): Promise<{ readonly clean: boolean }> {
  if (settings.STALL_EXIT_MS <= settings.STALL_RED_MS) {
    throw new ConfigError('STALL_EXIT_MS must be above STALL_RED_MS.');
  }
  const signs = new VitalSigns(name, settings, context, clock);
  const server = await open(settings, context, signs.pages());
  const over = new AbortController();
  const endLooks = clock.every(lookEveryMs, () => signs.look());
  void context.ended.then(() => endInTime(settings, context, clock, over.signal));
  try {
    return await work({ ...context, ...signs.health() });
  } finally {
    over.abort();
    endLooks();
    await server?.close();
  }
}

async function open(
  { HTTP_HOST: host, HTTP_PORT: port }: HealthSettings,
  { logger }: ProcessContext,
  pages: Pages,
): Promise<HttpServer | null> {
  if (port === undefined) return null;
  const server = await startHttpServer(host, port, pages);
  logger.info({ event: 'http.listening', host, port: server.port }, 'serves health and metrics');
  return server;
}

/** A handler that hangs may keep a drain, a pool or a socket for ever. */
async function endInTime(
  { STOP_LIMIT_MS: drainMs }: HealthSettings,
  { exitNow }: ProcessContext,
  clock: Clock,
  over: AbortSignal,
): Promise<void> {
  try {
    await clock.sleep(drainMs + closeLimitMs, over);
  } catch {
    return;
  }
  exitNow(`The process did not end within ${drainMs + closeLimitMs} ms: something hangs.`);
}

class VitalSigns {
  readonly #settings: HealthSettings;
  readonly #context: ProcessContext;
  readonly #clock: Clock;
  readonly #metrics: Metrics;
  readonly #observer: MetricsObserver;
  readonly #troubles = new Troubles();
  readonly #setAside: SetAside;
  #consumer: Consumer | null = null;
  #gaveUp = false;
  #hasJoined = false;

  constructor(name: string, settings: HealthSettings, context: ProcessContext, clock: Clock) {
    this.#settings = settings;
    this.#context = context;
    this.#clock = clock;
    this.#metrics = new Metrics(name);
    this.#observer = new MetricsObserver(this.#metrics);
    this.#metrics.set('afterbuild_build_info', { version, node: process.versions.node }, 1);
    this.#setAside = new SetAsideRows({ clock, logger: context.logger, metrics: this.#metrics });
    this.#metrics.beforeRead(() => this.#setGauges());
  }

  health(): Health {
    return {
      metrics: this.#metrics,
      observer: this.#observer,
      troubles: this.#troubles,
      setAside: this.#setAside,
      watch: (consumer) => (this.#consumer = consumer),
    };
  }

  /** One tick of the timer. Ends the process when nothing was finished for too long. */
  look(): void {
    if (!this.#consumer || this.#context.signal.aborted) return;
    const { stalledMs, stalledBy } = this.#consumer.state();
    if (stalledMs < this.#settings.STALL_EXIT_MS || this.#gaveUp) return;
    this.#gaveUp = true;
    this.#context.fail(
      new StalledError(
        `For ${this.#settings.STALL_EXIT_MS} ms (STALL_EXIT_MS): ${stalledBy ?? 'the consumer stands'}. ` +
          'The process ends so that another can take over. If that repeats, look for a call without a time limit, ' +
          'and for what keeps records from being read (docs/failure-modes.md).',
      ),
    );
  }

  pages(): Pages {
    return {
      '/metrics': async () => {
        const { contentType, text } = await this.#metrics.read();
        return { status: 200, contentType, body: text };
      },
      '/livez': () => jsonPage(this.#gaveUp ? 503 : 200, { alive: !this.#gaveUp }),
      '/readyz': () => this.#readyPage(),
    };
  }

  #readyPage(): Page {
    const readiness = this.#readiness();
    return jsonPage(readiness.ready ? 200 : 503, readiness);
  }

  #readiness(): Readiness {
    const consumer = this.#consumer;
    return readinessOf({
      phase: this.#phase(),
      consumer: consumer && { state: consumer.state(), ready: consumer.ready() },
      troubles: this.#troubles.current,
      stallRedMs: this.#settings.STALL_RED_MS,
    });
  }

  #phase(): Phase {
    if (this.#context.signal.aborted) return 'stopping';
    this.#hasJoined ||= this.#consumer?.state().joined === true;
    return this.#hasJoined ? 'working' : 'starting';
  }

  #setGauges(): void {
    this.#metrics.set('afterbuild_ready', {}, this.#readiness().ready ? 1 : 0);
    const state = this.#consumer?.state();
    if (!state) return;
    for (const { topic } of state.partitions) this.#observer.expect(topic);
    setConsumerGauges(this.#metrics, state, this.#clock.nowMs());
  }
}
