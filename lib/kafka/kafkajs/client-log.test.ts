import { logLevel } from 'kafkajs';
import type { Logger } from '../../process/logger';
import { createClientLog } from './client-log';

function listen() {
  const levels: string[] = [];
  const at = (level: string) => () => void levels.push(level);
  const logger = { debug: at('debug'), warn: at('warn') } as unknown as Logger;
  const log = createClientLog(logger)(logLevel.INFO);
  const say = (atMs: number, message: string, level = logLevel.ERROR): void => {
    const timestamp = new Date(atMs).toISOString();
    log({ namespace: 'Connection', level, label: '', log: { timestamp, message } });
  };
  return { levels, say };
}

test('a complaint is warned of once, for as long as it goes on, and anew after a minute of silence', () => {
  const { levels, say } = listen();
  for (const atMs of [0, 30_000, 80_000, 130_000, 190_000]) say(atMs, 'ECONNREFUSED');
  say(190_001, 'another');
  expect(levels).toEqual(['warn', 'debug', 'debug', 'debug', 'warn', 'warn']);
});

test('what every healthy rebalance says is for debugging', () => {
  const { levels, say } = listen();
  say(0, 'The coordinator is not aware of this member');
  say(1, 'Consumer has joined the group', logLevel.INFO);
  expect(levels).toEqual(['debug', 'debug']);
});
