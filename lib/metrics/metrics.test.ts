import { joined, partitionState } from '../../test/support/memory/consumer-state';
import type { RecordProducer } from '../kafka/producer';
import { setConsumerGauges } from './consumer-gauges';
import { countProduced, createArchiveCounts, createDeletionCounts } from './effects';
import { Metrics } from './metrics';
import { MetricsObserver } from './metrics-observer';

/** The samples of one metric, without the label that all of them have. */
async function samples(metrics: Metrics, name: string): Promise<string[]> {
  const { text } = await metrics.read();
  return text
    .split('\n')
    .filter((line) => new RegExp(`^${name}[{ ]`).test(line))
    .map((line) => line.slice(name.length).replace(/process="tested",|,?process="tested"/, ''));
}

test('every series says of which process it is, and every metric what moves it', async () => {
  const metrics = new Metrics('tested');
  metrics.add('afterbuild_traces_total', { effect: 'archived' });
  const { text, contentType } = await metrics.read();
  expect(contentType).toMatch(/^text\/plain/);
  expect(text).toContain('afterbuild_traces_total{effect="archived",process="tested"} 1');
  expect(text).toMatch(/# HELP afterbuild_unfinished_seconds Age of the oldest record/);
  expect(text).toMatch(/^process_resident_memory_bytes\{process="tested"\}/m);
  expect(text).toMatch(/^nodejs_eventloop_lag_seconds\{/m);
});

test('what the runtime tells is counted, by topic and outcome', async () => {
  const metrics = new Metrics('tested');
  const observer = new MetricsObserver(metrics);
  observer.expect('things');
  observer.handled('things', 12, 250);
  observer.settled('things', 'done', 10);
  observer.settled('things', 'hold', 2);
  observer.repeated('things', 3);
  observer.redirected('things', 'dead-letter', 1);
  observer.committed(4);
  const outcomes = await samples(metrics, 'afterbuild_records_total');
  expect(outcomes).toContain('{topic="things",outcome="done"} 10');
  expect(outcomes).toContain('{topic="things",outcome="hold"} 2');
  expect(outcomes).toContain('{topic="things",outcome="retry"} 0');
  expect(await samples(metrics, 'afterbuild_redirected_records_total')).toEqual([
    '{topic="things",kind="retry"} 0',
    '{topic="things",kind="dead-letter"} 1',
  ]);
  expect(await samples(metrics, 'afterbuild_records_repeated_total')).toEqual([
    '{topic="things"} 3',
  ]);
  expect(await samples(metrics, 'afterbuild_handled_records_total')).toEqual([
    '{topic="things"} 12',
  ]);
  expect(await samples(metrics, 'afterbuild_handler_seconds_sum')).toEqual([
    '{topic="things"} 0.25',
  ]);
  expect(await samples(metrics, 'afterbuild_commits_total')).toEqual(['{} 4']);
});

test('a breaker is a level, and each opening counts', async () => {
  const metrics = new Metrics('tested');
  const observer = new MetricsObserver(metrics);
  expect(await samples(metrics, 'afterbuild_breaker_state')).toContain('{dependency="s3"} 0');
  for (const state of ['open', 'half-open', 'open', 'half-open'] as const) {
    observer.breaker('s3', state);
  }
  expect(await samples(metrics, 'afterbuild_breaker_state')).toContain('{dependency="s3"} 1');
  expect(await samples(metrics, 'afterbuild_breaker_opened_total')).toContain(
    '{dependency="s3"} 2',
  );
});

test('the work that is left is shown in records and in seconds', async () => {
  const metrics = new Metrics('tested');
  const behind = { doneBelow: 40, bufferedRecords: 7, bufferedBytes: 700 };
  const halted = { partition: 1, halts: ['cannot be decoded'], bufferedBytes: 30 };
  const state = joined(
    partitionState({ ...behind, oldestTimestampMs: 5_000 }),
    partitionState(halted),
    partitionState({ partition: 2, doneBelow: null, highWatermark: null }),
  );
  setConsumerGauges(metrics, state, 95_000);
  expect(await samples(metrics, 'afterbuild_unfinished_records')).toEqual([
    '{topic="things",partition="0"} 60',
    '{topic="things",partition="1"} 0',
    '{topic="things",partition="2"} 0',
  ]);
  expect(await samples(metrics, 'afterbuild_unfinished_seconds')).toEqual([
    '{topic="things",partition="0"} 90',
    '{topic="things",partition="1"} 0',
    '{topic="things",partition="2"} 0',
  ]);
  expect(await samples(metrics, 'afterbuild_buffered_bytes')).toEqual(['{topic="things"} 730']);
  expect(await samples(metrics, 'afterbuild_partitions')).toEqual([
    '{topic="things",state="working"} 2',
    '{topic="things",state="held"} 0',
    '{topic="things",state="halted"} 1',
  ]);
});

test('a partition that was lost leaves no series behind', async () => {
  const metrics = new Metrics('tested');
  setConsumerGauges(metrics, joined(partitionState({ doneBelow: 1 })), 0);
  setConsumerGauges(metrics, joined(), 0);
  for (const name of ['afterbuild_unfinished_records', 'afterbuild_partitions']) {
    expect(await samples(metrics, name)).toEqual([]);
  }
});

test('effects are counted in the words of the handlers', async () => {
  const metrics = new Metrics('tested');
  const deletions = createDeletionCounts(metrics);
  deletions.rows('deleted', 3);
  deletions.rows('kept', 0);
  deletions.objects(2, 2_048);
  createArchiveCounts(metrics).trace('extended', 512);
  expect(await samples(metrics, 'afterbuild_artifact_rows_total')).toEqual(['{fate="deleted"} 3']);
  expect(await samples(metrics, 'afterbuild_artifact_objects_deleted_total')).toEqual(['{} 2']);
  expect(await samples(metrics, 'afterbuild_artifact_bytes_deleted_total')).toEqual(['{} 2048']);
  expect(await samples(metrics, 'afterbuild_trace_bytes_total')).toEqual(['{} 512']);
});

test('only records that were acknowledged count as produced', async () => {
  const metrics = new Metrics('tested');
  let refusal: Error | null = null;
  const producer: RecordProducer = {
    connect: () => Promise.resolve(),
    disconnect: () => Promise.resolve(),
    send: (records) => (refusal ? Promise.reject(refusal) : Promise.resolve(records.map(() => 1))),
  };
  const counted = countProduced(producer, metrics);
  const record = { topic: 'things', key: null, value: null };
  expect(await counted.send([record, record])).toEqual([1, 1]);
  refusal = new Error('no leader');
  await expect(counted.send([record])).rejects.toThrow('no leader');
  expect(await samples(metrics, 'afterbuild_produced_records_total')).toEqual([
    '{topic="things"} 2',
  ]);
});

test.each([-1, NaN, Infinity])(
  'an amount of %s counts as nothing, and stops no work',
  async (by) => {
    const metrics = new Metrics('artifact-deleter');
    metrics.add('afterbuild_artifact_bytes_deleted_total', {}, by);
    metrics.add('afterbuild_artifact_bytes_deleted_total', {}, 5);
    const { text } = await metrics.read();
    expect(text).toMatch(/afterbuild_artifact_bytes_deleted_total\{[^}]*\} 5/);
  },
);
