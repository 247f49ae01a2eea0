/** Redis with an append-only file and a password. */
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { readSecretFile, writeFileAtomically } from './data-folder';
import type { Command, Place, Server } from './server';

const configFile = (place: Place): string => join(place.dataDir, 'config/redis.conf');

function settings(place: Place): string {
  return `bind 127.0.0.1
port ${place.ports.redis}
requirepass ${readSecretFile(place.dataDir, 'redis')}
dir "${join(place.dataDir, 'redis')}"
databases 256
appendonly yes
save ""
daemonize no
`;
}

/** Two commands over a plain socket: a client library would go on reconnecting in the background. */
function answersPing(place: Place): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectTcp({ host: '127.0.0.1', port: place.ports.redis });
    let answer = '';
    const finish = (isReady: boolean): void => {
      socket.destroy();
      resolve(isReady);
    };
    socket.setTimeout(3_000, () => finish(false));
    socket.on('error', () => finish(false));
    socket.on('end', () => finish(false));
    socket.on('data', (bytes) => {
      answer += bytes.toString('latin1');
      if (answer.includes('+PONG')) finish(true);
      else if (answer.includes('-')) finish(false);
    });
    socket.write(`AUTH ${readSecretFile(place.dataDir, 'redis')}\r\nPING\r\n`);
  });
}

export const redis: Server = {
  title: 'Redis',
  configure(place) {
    writeFileAtomically(configFile(place), settings(place), 0o600);
    return Promise.resolve();
  },
  start: (place): Command => ({ file: place.files.redisServer, args: [configFile(place)] }),
  ready: answersPing,
  stop: { signal: 'SIGTERM', graceMs: 30_000 },
};
