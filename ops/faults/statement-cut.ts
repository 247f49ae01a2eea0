/**
 * A proxy in front of PostgreSQL that cuts a connection at one statement: before the server has seen it, or when the
 * server has carried it out and its answer is under way.
 */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export interface Cut {
  /** Matched against the client's bytes, for example /COMMIT/. Prepared statements are sent with their name. */
  readonly at: RegExp;
  readonly when: 'before the statement' | 'before its answer';
  /** How often, then everything passes. */
  readonly times: number;
}

interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

export class StatementCut {
  /** How often a connection was cut. */
  cuts = 0;
  private cut: Cut | undefined;
  private left = 0;
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly upstream: ServerAddress,
  ) {
    server.on('connection', (client) => this.serve(client));
  }

  static async start(upstream: ServerAddress): Promise<StatementCut> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new StatementCut(server, upstream);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** From now on, and until it has happened so often. */
  plan(cut: Cut): void {
    this.cut = cut;
    this.left = cut.times;
  }

  get isDone(): boolean {
    return this.left === 0;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  private serve(client: Socket): void {
    const server = connect(this.upstream);
    let awaitsAnswer = false;
    const end = (): void => {
      for (const socket of [client, server]) socket.destroy();
    };
    for (const socket of [client, server]) {
      this.sockets.add(socket);
      socket.on('error', end).on('close', () => {
        this.sockets.delete(socket);
        end();
      });
    }
    client.on('data', (bytes) => {
      const cut = this.take(bytes);
      if (cut?.when === 'before the statement') {
        end();
        return;
      }
      if (cut) awaitsAnswer = true;
      server.write(bytes);
    });
    server.on('data', (bytes) => {
      if (awaitsAnswer) end();
      else client.write(bytes);
    });
  }

  /** @returns the cut for these bytes. */
  private take(bytes: Buffer): Cut | undefined {
    const { cut } = this;
    if (!cut || this.left === 0 || !cut.at.test(bytes.toString('latin1'))) return undefined;
    this.left -= 1;
    this.cuts += 1;
    return cut;
  }
}
