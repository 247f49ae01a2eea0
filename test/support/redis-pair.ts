/** Two Redis servers of a test's own behind one address, as a failover moves it from one to the other. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from '../../ops/local/ports';
import { currentStack, placeOf } from './stack';
import { until } from './until';

export interface OwnRedis {
  readonly port: number;
  readonly client: Redis;
}

export class RedisPair {
  readonly #children: ChildProcess[] = [];
  readonly #folder = mkdtempSync(join(tmpdir(), 'afterbuild-redis-'));
  readonly #sockets = new Set<Socket>();
  readonly #front = createServer((socket) => this.#join(socket));
  first!: OwnRedis;
  second!: OwnRedis;
  /** Where the next connection leads; those that are open stay where they are. */
  leadsTo!: OwnRedis;

  async start(): Promise<void> {
    this.first = await this.#server();
    this.second = await this.#server();
    this.leadsTo = this.first;
    this.#front.listen(0, '127.0.0.1');
    await once(this.#front, 'listening');
  }

  /** The one address. */
  get port(): number {
    return (this.#front.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const { client } of [this.first, this.second]) client.disconnect();
    for (const socket of this.#sockets) socket.destroy();
    this.#front.close();
    for (const child of this.#children) {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
    rmSync(this.#folder, { recursive: true, force: true });
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

  async #server(): Promise<OwnRedis> {
    const { redisServer } = placeOf(currentStack()).files;
    const port = await freePort();
    const args = [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--dir',
      this.#folder,
    ];
    this.#children.push(spawn(redisServer, args, { stdio: 'ignore' }));
    const client = new Redis({ host: '127.0.0.1', port, lazyConnect: true });
    client.on('error', () => undefined);
    await until('Redis answers', () => client.ping().then(() => true));
    return { port, client };
  }
}
