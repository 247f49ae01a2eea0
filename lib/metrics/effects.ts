/** Counts effects, in the terms of the handlers that cause them (their ports.ts). */
import type { OutgoingRecord, RecordProducer } from '../kafka/producer';
import type { RedisRoom } from '../../schemas/generated';
import type { Metrics } from './metrics';

type RowFate = 'deleted' | 'already-gone' | 'kept' | 'left' | 'unusable';
type TraceEffect = 'archived' | 'extended' | 'adopted' | 'partial' | 'finished';

/** Counts finished work, with or without success. */
interface Meter {
  add(count: number): void;
  free(bytes: number): void;
}

/** For consumers/artifact-deleter. */
export function createDeletionCounts(metrics: Metrics, meter?: Meter) {
  return {
    rows(fate: RowFate, count: number): void {
      meter?.add(count);
      if (count > 0) metrics.add('afterbuild_artifact_rows_total', { fate }, count);
    },
    objects(count: number, bytes: number): void {
      meter?.free(bytes);
      metrics.add('afterbuild_artifact_objects_deleted_total', {}, count);
      metrics.add('afterbuild_artifact_bytes_deleted_total', {}, bytes);
    },
  };
}

/** For consumers/trace-archiver. */
export function createArchiveCounts(metrics: Metrics, meter?: Meter) {
  return {
    trace(effect: TraceEffect, sizeBytes: number): void {
      meter?.add(1);
      meter?.free(sizeBytes);
      metrics.add('afterbuild_traces_total', { effect });
      metrics.add('afterbuild_trace_bytes_total', {}, sizeBytes);
    },
  };
}

/** For consumers/trace-archiver. @param current `endsInMs`: of the data that ends first, null without any. */
export function showWaitingTraces(
  metrics: Metrics,
  current: () => { readonly count: number; readonly endsInMs: number | null },
): void {
  metrics.beforeRead(() => {
    const { count, endsInMs } = current();
    metrics.set('afterbuild_waiting_traces', {}, count);
    metrics.clear('afterbuild_waiting_trace_ends_seconds');
    if (endsInMs !== null) {
      metrics.set('afterbuild_waiting_trace_ends_seconds', {}, endsInMs / 1_000);
    }
  });
}

/** For consumers/trace-archiver. @param current the known state of each server that has answered. */
export function showFullRedis(
  metrics: Metrics,
  current: () => readonly { readonly store: string; readonly isFull: boolean }[],
): void {
  metrics.beforeRead(() => {
    for (const { store, isFull } of current()) {
      metrics.set('afterbuild_redis_full', { store }, isFull ? 1 : 0);
    }
  });
}

/** For the Redis guard of consumers/trace-archiver. */
export function createGuardCounts(metrics: Metrics) {
  return {
    moved(chunks: number, bytes: number): void {
      metrics.add('afterbuild_spilled_chunks_total', {}, chunks);
      metrics.add('afterbuild_spilled_bytes_total', {}, bytes);
    },
  };
}

/** Likewise. @param current the known state of each server that answers. */
export function showRedisRooms(metrics: Metrics, current: () => readonly RedisRoom[]): void {
  metrics.beforeRead(() => {
    metrics.clear('afterbuild_redis_used_bytes');
    metrics.clear('afterbuild_redis_max_bytes');
    metrics.clear('afterbuild_redis_full_seconds');
    for (const { name: store, usedBytes, maxBytes, fullInMs } of current()) {
      metrics.set('afterbuild_redis_used_bytes', { store }, usedBytes);
      if (maxBytes !== null) metrics.set('afterbuild_redis_max_bytes', { store }, maxBytes);
      if (fullInMs !== null) {
        metrics.set('afterbuild_redis_full_seconds', { store }, fullInMs / 1_000);
      }
    }
  });
}

/** A producer whose acknowledged records are counted. */
export function countProduced(producer: RecordProducer, metrics: Metrics): RecordProducer {
  return {
    connect: () => producer.connect(),
    disconnect: () => producer.disconnect(),
    send: async (records: readonly OutgoingRecord[]) => {
      const offsets = await producer.send(records);
      for (const [topic, own] of Map.groupBy(records, (record) => record.topic)) {
        metrics.add('afterbuild_produced_records_total', { topic }, own.length);
      }
      return offsets;
    },
  };
}
