/** Passes the log entries of kafkajs on to our logger, at the level that each deserves. */
import { logLevel, type LogEntry, type logCreator } from 'kafkajs';
import type { Logger } from '../../process/logger';

/** Entries of every healthy start, rebalance and stop, some of which kafkajs logs as errors. */
const everyday =
  /coordinator is (loading|not available)|coordinator is not aware|not the coordinator|rebalanc|concurrent transaction|no leader for this|metadata .*(expired|stale)|consumer not running|response without match/i;
const silentMs = 60_000;

/**
 * The runtime logs its own life cycle, so the client's is for debugging. Of a repeated complaint (kafkajs complains
 * every second about an unavailable broker) one line is logged, until the complaint has paused for a minute.
 */
export function createClientLog(logger: Logger): logCreator {
  const heardAtMs = new Map<string, number>();
  const isRepeated = (entry: LogEntry): boolean => {
    const atMs = Date.parse(entry.log.timestamp);
    const lastMs = heardAtMs.get(entry.log.message) ?? -Infinity;
    heardAtMs.set(entry.log.message, atMs);
    return atMs - lastMs < silentMs;
  };
  return () => (entry) => {
    const { message } = entry.log;
    const said: unknown = entry.log['error'];
    const isEveryday = everyday.test(message) || (typeof said === 'string' && everyday.test(said));
    const isComplaint = entry.level === logLevel.ERROR || entry.level === logLevel.WARN;
    const level = isComplaint && !isEveryday && !isRepeated(entry) ? 'warn' : 'debug';
    logger[level]({ event: 'kafka.client', part: entry.namespace, ...fieldsOf(entry) }, message);
  };
}

function fieldsOf({ log }: LogEntry): Record<string, unknown> {
  const left = new Set(['message', 'timestamp', 'stack']);
  return Object.fromEntries(Object.entries(log).filter(([name]) => !left.has(name)));
}
