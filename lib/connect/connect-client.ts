/** A client for the part of Kafka Connect's REST interface that applies and watches one connector. */
import { z } from 'zod';

/** No answer, or the workers are rebalancing: waiting helps. */
export class ConnectUnavailableError extends Error {
  override readonly name = 'ConnectUnavailableError';
}

/** The request was accepted and no answer came in time: a sign that the worker cannot reach Kafka. */
export class ConnectSilentError extends ConnectUnavailableError {}

/** Connect refused the request: repeating it will not help. */
export class ConnectRefusedError extends Error {
  override readonly name = 'ConnectRefusedError';
}

const statusSchema = z.object({
  connector: z.object({ state: z.string(), trace: z.string().optional() }),
  tasks: z.array(z.object({ id: z.number(), state: z.string(), trace: z.string().optional() })),
});

const offsetsSchema = z.object({
  offsets: z.array(
    z.object({
      partition: z.record(z.string(), z.unknown()).nullish(),
      offset: z.record(z.string(), z.unknown()).nullable(),
    }),
  ),
});

const pluginsSchema = z.array(z.object({ class: z.string() }));
const messageSchema = z.object({ message: z.string() });

export type ConnectorConfig = Readonly<Record<string, string>>;

/** States are Connect's own words: RUNNING, FAILED, PAUSED, STOPPED, UNASSIGNED, RESTARTING. */
export type ConnectorStatus = z.output<typeof statusSchema>;

export interface ConnectClient {
  /** Class names of the connectors that the workers could load. */
  connectorPlugins(): Promise<readonly string[]>;
  /** Configuration without the connector's name; null when there is no such connector. */
  config(connector: string): Promise<ConnectorConfig | null>;
  /** Creates a connector that does nothing before `resume`, so that its old offsets can be read first. */
  createStopped(connector: string, config: ConnectorConfig): Promise<void>;
  /** Replaces the configuration, which restarts a running connector. */
  putConfig(connector: string, config: ConnectorConfig): Promise<void>;
  /** Null when there is no such connector, or it is so new that it has no state yet. */
  status(connector: string): Promise<ConnectorStatus | null>;
  /**
   * Last position that the connector stored, in bytes of write-ahead log; null when it has none.
   * @param topicPrefix Connect keeps a position for each prefix that a connector of this name ever had, in no order.
   */
  storedLsn(connector: string, topicPrefix: string): Promise<number | null>;
  restartFailed(connector: string): Promise<void>;
  /** Stops the tasks and keeps configuration and offsets; done only when `status` says STOPPED. */
  stop(connector: string): Promise<void>;
  resume(connector: string): Promise<void>;
  /** Only for a connector that is stopped. */
  deleteOffsets(connector: string): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

/**
 * Every call ends within `timeoutMs`.
 * @throws ConnectUnavailableError ConnectRefusedError from every method.
 */
export function createConnectClient(
  url: string,
  timeoutMs: number,
  signal?: AbortSignal,
): ConnectClient {
  const base = url.replace(/\/+$/, '');
  const call = (method: string, path: string, body?: unknown): Promise<Answer> =>
    request(base, { method, path, body, timeoutMs, signal });
  const pathOf = (connector: string, rest: string): string =>
    `/connectors/${encodeURIComponent(connector)}${rest}`;
  const command = async (method: string, path: string, body?: unknown): Promise<void> => {
    const answer = await call(method, path, body);
    if (answer.status >= 400) throw refusal(method, path, answer);
  };
  /** Null for 404. */
  const get = async <T>(path: string, shape: z.ZodType<T>): Promise<T | null> => {
    const answer = await call('GET', path);
    if (answer.status === 404) return null;
    if (answer.status >= 400) throw refusal('GET', path, answer);
    return parse(answer.body, shape, `GET ${path}`);
  };
  return {
    connectorPlugins: async () => {
      const plugins = await get('/connector-plugins', pluginsSchema);
      return (plugins ?? []).map((plugin) => plugin.class);
    },
    config: async (connector) => {
      const config = await get(pathOf(connector, '/config'), z.record(z.string(), z.string()));
      if (config === null) return null;
      return Object.fromEntries(Object.entries(config).filter(([key]) => key !== 'name'));
    },
    createStopped: (connector, config) =>
      command('POST', '/connectors', { name: connector, config, initial_state: 'STOPPED' }),
    putConfig: (connector, config) => command('PUT', pathOf(connector, '/config'), config),
    status: (connector) => get(pathOf(connector, '/status'), statusSchema),
    storedLsn: async (connector, topicPrefix) => {
      const stored = await get(pathOf(connector, '/offsets'), offsetsSchema);
      const own = stored?.offsets.find(({ partition }) => partition?.['server'] === topicPrefix);
      const lsn = own?.offset?.['lsn'];
      return typeof lsn === 'number' ? lsn : null;
    },
    restartFailed: (connector) =>
      command('POST', pathOf(connector, '/restart?includeTasks=true&onlyFailed=true')),
    stop: (connector) => command('PUT', pathOf(connector, '/stop')),
    resume: (connector) => command('PUT', pathOf(connector, '/resume')),
    deleteOffsets: (connector) => command('DELETE', pathOf(connector, '/offsets')),
  };
}

interface Request {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

async function request(base: string, { method, path, ...rest }: Request): Promise<Answer> {
  const limit = AbortSignal.timeout(rest.timeoutMs);
  try {
    const response = await fetch(`${base}${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      signal: rest.signal ? AbortSignal.any([limit, rest.signal]) : limit,
      ...(rest.body === undefined ? {} : { body: JSON.stringify(rest.body) }),
    });
    return { status: response.status, body: await response.text() };
  } catch (error) {
    rest.signal?.throwIfAborted();
    if (limit.aborted) {
      throw new ConnectSilentError(
        `Kafka Connect at ${base} has not answered ${method} ${path} within ${rest.timeoutMs} ms.`,
        { cause: error },
      );
    }
    throw new ConnectUnavailableError(`Kafka Connect does not answer at ${base}.`, {
      cause: error,
    });
  }
}

/** 409 while the workers rebalance, 5xx while they start or have lost each other: both pass. */
function refusal(method: string, path: string, answer: Answer): Error {
  const said = messageIn(answer.body);
  const text = `Kafka Connect answered ${answer.status} to ${method} ${path}: ${said}`;
  const passes = answer.status === 409 || answer.status >= 500;
  return passes ? new ConnectUnavailableError(text) : new ConnectRefusedError(text);
}

function messageIn(body: string): string {
  try {
    return messageSchema.parse(JSON.parse(body)).message;
  } catch {
    return body.slice(0, 200);
  }
}

function parse<T>(body: string, shape: z.ZodType<T>, doing: string): T {
  try {
    return shape.parse(JSON.parse(body));
  } catch (error) {
    throw new ConnectRefusedError(
      `What answers ${doing} is not Kafka Connect as this project knows it.`,
      { cause: error },
    );
  }
}
