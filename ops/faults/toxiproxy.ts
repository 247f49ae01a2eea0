/** Toxiproxy: TCP proxies in front of servers, which refuse, slow down, silence or cut connections. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createFetchLines } from '../local/fetch/fetch-progress';
import { cacheFolder, fetchFaultProxy } from '../local/fetch/fetch';

/** What Toxiproxy does to the bytes of a connection; times in milliseconds. */
export type Toxic =
  | {
      readonly type: 'latency';
      readonly attributes: { readonly latency: number; readonly jitter?: number };
    }
  /** Nothing passes; the connection is closed after that time, or never if it is 0. */
  | { readonly type: 'timeout'; readonly attributes: { readonly timeout: number } }
  /** The connection is cut with a reset after that time. */
  | { readonly type: 'reset_peer'; readonly attributes: { readonly timeout: number } }
  /** The connection is closed when so many more bytes have passed; 0 loses the very next answer. */
  | { readonly type: 'limit_data'; readonly attributes: { readonly bytes: number } };

export interface ToxicChoice {
  /** `downstream` (the default) are the server's answers, `upstream` the requests to it. */
  readonly stream?: 'upstream' | 'downstream';
  /** Share of the connections that get it; 1 by default. */
  readonly share?: number;
}

const startLimitMs = 30_000;
const requestLimitMs = 10_000;

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

/** Sends one request to the API. @throws Error with its answer. */
async function request(url: string, method: string, body?: object): Promise<unknown> {
  const answer = await fetch(url, {
    method,
    ...(body && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(requestLimitMs),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`Toxiproxy, ${method} ${url}: ${answer.status} ${text}`);
  return text === '' ? undefined : (JSON.parse(text) as unknown);
}

interface ProxyState {
  readonly listen: string;
  readonly toxics: readonly { readonly name: string }[];
}

/** An address to use instead of the server's own. */
export class FaultProxy {
  readonly host = '127.0.0.1';
  readonly port: number;

  constructor(
    private readonly url: string,
    { listen }: ProxyState,
  ) {
    this.port = Number(listen.slice(listen.lastIndexOf(':') + 1));
  }

  /** The server seems to be down: connections are closed, new ones refused. */
  async refuse(): Promise<void> {
    await request(this.url, 'POST', { enabled: false });
  }

  async poison(
    toxic: Toxic,
    { stream = 'downstream', share = 1 }: ToxicChoice = {},
  ): Promise<void> {
    await request(`${this.url}/toxics`, 'POST', { ...toxic, stream, toxicity: share });
  }

  /** Ends all faults. */
  async heal(): Promise<void> {
    const { toxics } = (await request(this.url, 'GET')) as ProxyState;
    for (const { name } of toxics) await request(`${this.url}/toxics/${name}`, 'DELETE');
    await request(this.url, 'POST', { enabled: true });
  }
}

export class Toxiproxy {
  private constructor(
    private readonly child: ChildProcess,
    private readonly api: string,
  ) {}

  /**
   * Builds it first if it is not in the cache.
   * @param log gets each line of the build's output.
   * @throws FetchError, or Error when it does not answer within 30 seconds.
   */
  static async start(log: (line: string) => void): Promise<Toxiproxy> {
    const cache = cacheFolder(process.env);
    const program = await fetchFaultProxy({ cache, progress: createFetchLines(log) });
    const port = await freePort();
    const child = spawn(program, ['-host', '127.0.0.1', '-port', String(port)], {
      stdio: 'ignore',
    });
    await once(child, 'spawn');
    // Stopped when this process ends, so that nothing is left behind.
    process.once('exit', () => child.kill('SIGKILL'));
    const proxies = new Toxiproxy(child, `http://127.0.0.1:${port}`);
    await proxies.answers();
    return proxies;
  }

  /** @param upstream `host:port` of the server. */
  async proxy(name: string, upstream: string): Promise<FaultProxy> {
    const wish = { name, upstream, listen: '127.0.0.1:0', enabled: true };
    const state = (await request(`${this.api}/proxies`, 'POST', wish)) as ProxyState;
    return new FaultProxy(`${this.api}/proxies/${name}`, state);
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
  }

  private async answers(): Promise<void> {
    const giveUpAtMs = performance.now() + startLimitMs;
    for (;;) {
      try {
        await request(`${this.api}/proxies`, 'GET');
        return;
      } catch (error) {
        if (performance.now() > giveUpAtMs) throw error;
        await sleep(50);
      }
    }
  }
}
