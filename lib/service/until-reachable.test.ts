import { pino } from 'pino';
import type { Clock } from '../process/clock';
import { untilReachable } from './until-reachable';
import { ConfigError } from '../process/config';
import { UnreachableError } from '../process/unreachable-error';

function waiting(limitMs: number, signal = new AbortController().signal) {
  let nowMs = 0;
  const lines: { event: string }[] = [];
  const clock: Clock = {
    nowMs: () => nowMs,
    sleep: (ms, aborted) => {
      nowMs += ms;
      aborted?.throwIfAborted();
      return Promise.resolve();
    },
    every: () => () => undefined,
  };
  const logger = pino({}, { write: (line) => void lines.push(JSON.parse(line) as never) });
  return { options: { clock, logger, limitMs, signal }, events: () => lines.map((l) => l.event) };
}

function failing(error: Error, times = Infinity) {
  let calls = 0;
  return () => {
    calls += 1;
    return calls > times ? Promise.resolve(calls) : Promise.reject(error);
  };
}
const away = new UnreachableError('connection refused');

test('tries until the server answers, and says so once at each end', async () => {
  const { options, events } = waiting(60_000);
  await expect(untilReachable('Kafka at k:1', failing(away, 5), options)).resolves.toBe(6);
  expect(events()).toEqual(['server.awaited', 'server.reached']);
});

test('says nothing about a server that answers at once', async () => {
  const { options, events } = waiting(60_000);
  await untilReachable('Kafka at k:1', failing(away, 0), options);
  expect(events()).toEqual([]);
});

test('gives up at the limit with a sentence that names the server and the reason', async () => {
  const { options } = waiting(3_000);
  const trying = untilReachable('Kafka at k:1', failing(away), options);
  await expect(trying).rejects.toThrow(/^Kafka at k:1 does not answer within 3000 ms .*refused$/);
  await expect(trying).rejects.toBeInstanceOf(UnreachableError);
});

test('what waiting does not mend is thrown at once', async () => {
  const { options, events } = waiting(60_000);
  const wrong = new ConfigError('wrong password');
  await expect(untilReachable('PostgreSQL', failing(wrong), options)).rejects.toBe(wrong);
  expect(events()).toEqual([]);
});

test('a stop ends the waiting', async () => {
  const stop = new Error('stop');
  const { options } = waiting(60_000, AbortSignal.abort(stop));
  await expect(untilReachable('PostgreSQL', failing(away), options)).rejects.toBe(stop);
});
