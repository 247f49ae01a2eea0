import { array, assert, asyncProperty, integer, record } from 'fast-check';
import { readFailure, readNotBefore } from '../failure-headers';
import { noFailurePolicy, type FailurePolicy } from '../failure-policy';
import { FetchedRecord } from '../../kafka/fetched-record';
import { FailurePublisher } from './failure-publisher';
import type { OutgoingRecord } from '../../kafka/producer';
import { failurePartitions } from '../../kafka/topics/topics';

const error = new Error('not today');
const parts = { key: Buffer.from([0xff, 7]), value: Buffer.from('value'), timestampMs: 5 };
const original = new FetchedRecord({ ...parts, offset: 41 });

/** The record that a retry topic passes on, as it was fetched from there. */
const fetched = ({ value, headers }: OutgoingRecord, offset: number): FetchedRecord =>
  new FetchedRecord({ ...parts, offset, value, headers });

const failure = record({
  /** Tries in place before the record is sent. */
  failed: integer({ min: 1, max: 20 }),
  laterMs: integer({ min: 1, max: 10_000_000 }),
});

test('a record goes through the delays in their order, the last one again and again, and keeps its origin', () =>
  assert(
    asyncProperty(
      array(integer({ min: 1, max: 1_000_000 }), { minLength: 1, maxLength: 5 }),
      array(failure, { minLength: 1, maxLength: 12 }),
      async (delays, failures) => {
        const retryTopics = delays
          .toSorted((a, b) => a - b)
          .map((delayMs, level) => ({ topic: `things.group.retry.${level}`, delayMs }));
        const policy: FailurePolicy = { ...noFailurePolicy, retryTopics };
        const sent: OutgoingRecord[] = [];
        const send = (records: readonly OutgoingRecord[]) => {
          sent.push(...records);
          return Promise.resolve([]);
        };
        let nowMs = 1_000_000;
        const clock = { nowMs: () => nowMs } as ConstructorParameters<typeof FailurePublisher>[2];
        const letters = new FailurePublisher({ send }, 'group', clock);
        let current = original;
        let attempts = 0;
        for (const [index, { failed, laterMs }] of failures.entries()) {
          nowMs += laterMs;
          attempts += failed;
          const level = index === 0 ? null : Math.min(index, retryTopics.length) - 1;
          const topic = level === null ? 'things' : retryTopics[level]!.topic;
          await letters.send({ topic, partition: 5, policy, retryLevel: level }, [
            {
              record: current,
              error,
              poison: undefined,
              failed,
              firstFailedAtMs: nowMs,
              rest: undefined,
            },
          ]);
          const letter = sent.at(-1)!;
          const next = retryTopics[Math.min(index, retryTopics.length - 1)]!;
          expect(letter.topic).toBe(next.topic);
          expect(letter.partition).toBe(5 % failurePartitions);
          expect([letter.key, letter.value]).toEqual([original.key, original.value]);
          current = fetched(letter, index);
          expect(readNotBefore(current.headerTexts)).toBe(nowMs + next.delayMs);
          expect(readFailure(current.headerTexts)).toEqual({
            origin: { topic: 'things', partition: 5, offset: 41, timestampMs: 5 },
            attempts,
            firstAtMs: 1_000_000 + failures[0]!.laterMs,
          });
        }
      },
    ),
  ));
