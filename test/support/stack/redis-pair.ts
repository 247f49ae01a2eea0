/** Two Redis servers of a test's own behind one address, which a failover moves from one to the other. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { OwnRedis } from './own-redis';
import { until } from '../until';

export class RedisPair {
  readonly #sockets = new Set<Socket>();
  readonly #front = createServer((socket) => this.#join(socket));
  readonly first: OwnRedis;
  readonly second: OwnRedis;
  /** Where the next connection leads; open ones stay. */
  leadsTo: OwnRedis;

  /** @param password of both; by default they ask for none. */
  constructor(password?: string) {
    this.first = new OwnRedis(password);
    this.second = new OwnRedis(password);
    this.leadsTo = this.first;
  }

  async start(): Promise<void> {
    await this.first.start();
    await this.second.start();
    this.#front.listen(0, '127.0.0.1');
    await once(this.#front, 'listening');
  }

  /** The one address. */
  get port(): number {
    return (this.#front.address() as AddressInfo).port;
  }

  /** The second one replicates the first one. */
  async replicate(): Promise<void> {
    await this.second.client.replicaof('127.0.0.1', this.first.port);
    await until('the replica follows', async () =>
      (await this.second.client.info('replication')).includes('master_link_status:up'),
    );
  }

  /** The master dies when the replica has all of its data, and the address then leads to the replica. */
  async loseMaster(): Promise<void> {
    const { first, second } = this;
    await first.client.call('CLIENT', 'PAUSE', '60000', 'WRITE');
    await until('the replica has everything', async () => {
      const replication = await first.client.info('replication');
      const written = /master_repl_offset:(\d+)/.exec(replication)?.[1];
      return replication.includes(`,offset=${written ?? ''},`);
    });
    await first.kill();
    await second.client.replicaof('NO', 'ONE');
    this.leadsTo = second;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#front.close();
    for (const one of [this.first, this.second]) await one.stop();
  }

  #join(socket: Socket): void {
    const onward = connect(this.leadsTo.port, '127.0.0.1');
    for (const one of [socket, onward]) {
      this.#sockets.add(one);
      one.on('error', () => undefined);
      one.once('close', () => {
        this.#sockets.delete(one);
        socket.destroy();
        onward.destroy();
      });
    }
    socket.pipe(onward).pipe(socket);
  }
}
