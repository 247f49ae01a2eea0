/** Makes and reads dead letters in a scenario, and runs `afterbuild dlq` like an operator. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { writeFailure, type Failure } from '../../../lib/runtime/failure-headers';
import { createLogReader, type LogRecord } from '../../../lib/kafka/log-reader';
import type { OutgoingHeaders } from '../../../lib/kafka/producer';
import { failurePartitions } from '../../../lib/kafka/topics/topics';
import { systemClock } from '../../../lib/process/clock';
import { projectRoot } from '../../../lib/process/root';
import { operatorProduces } from './operator-actions';
import type { Scenario } from './scenario';

interface CommandEnd {
  readonly code: number;
  /** Its output on stdout. */
  readonly printed: string;
  /** Its output on stderr. */
  readonly said: string;
  /** The printed text, parsed; only after `--json`. */
  readonly json: unknown;
}

/** Runs `afterbuild dlq <args>` to its end, a minute at most. */
export function dlq(scenario: Scenario, ...args: readonly string[]): Promise<CommandEnd> {
  const env = { PATH: process.env['PATH'] ?? '', ...scenario.environment('reader') };
  const program = [join(projectRoot, 'dist/cli/main.js'), 'dlq', ...args];
  return new Promise((resolve) => {
    execFile(process.execPath, program, { env, timeout: 60_000 }, (error, printed, said) => {
      const json: unknown = args.includes('--json') && printed !== '' ? JSON.parse(printed) : null;
      resolve({ code: error === null ? 0 : Number(error.code), printed, said, json });
    });
  });
}

interface DeadRecord {
  readonly key: string | Buffer | null;
  readonly value: Buffer | null;
  /** The record's own. */
  readonly headers?: OutgoingHeaders;
}

/** Writes a record to a group's dead-letter topic as the runtime does. @param topic, group without namespace. */
export async function deadLetterByHand(
  scenario: Scenario,
  { topic, group }: { readonly topic: string; readonly group: string },
  record: DeadRecord,
  failure: Partial<Failure> & { readonly partition: number },
): Promise<void> {
  const { partition, ...rest } = failure;
  const nowMs = Date.now();
  const headers = writeFailure({
    origin: { topic: scenario.named(topic), partition, offset: 0, timestampMs: nowMs },
    group: scenario.named(group),
    attempts: 1,
    firstAtMs: nowMs,
    lastAtMs: nowMs,
    error: new Error('made by hand'),
    ...rest,
  });
  await operatorProduces(scenario, `${topic}.${group}.dlq`, [
    {
      ...record,
      partition: partition % failurePartitions,
      headers: { ...headers, ...record.headers },
    },
  ]);
}

/** All records of a topic, by partition and offset. @param name without namespace. */
export async function recordsOf(
  scenario: Scenario,
  name: string,
): Promise<(LogRecord & { readonly partition: number })[]> {
  const topic = scenario.named(name);
  const reader = createLogReader(scenario.kafka, systemClock, Math.random);
  await reader.connect();
  try {
    const records: (LogRecord & { readonly partition: number })[] = [];
    for (const { partition, logStart, highWatermark } of await scenario.topics.ends(topic)) {
      for await (const record of reader.read({ topic, partition }, logStart, highWatermark)) {
        records.push({ ...record, partition });
      }
    }
    return records;
  } finally {
    await reader.disconnect();
  }
}
