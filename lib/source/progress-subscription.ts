/** Reads a topic of sweeps' progress: the holder of a partition sweeps what has its progress there. */
import { endWhenGrown } from '../runtime/state-topic-grew-error';
import { createStateReader, type StateReading, type Unreadable } from '../runtime/state-reader';
import type { AnySubscription, Subscription } from '../runtime/subscription';

interface ProgressReading<Progress> extends StateReading<Progress> {
  /** Full name. */
  readonly topic: string;
  /** How many partitions the process relies on. */
  readonly partitions: number;
  readonly sweeps: {
    noteProgress(partition: number, progress: Progress | null): void;
    hold(partition: number): void;
    pause(partition: number): Promise<void>;
    lose(partition: number): void;
  };
  readonly onFatal: (error: Error) => void;
}

export function progressSubscription<Progress>(
  reading: ProgressReading<Progress>,
): AnySubscription {
  const { topic, partitions, sweeps, onFatal } = reading;
  const reader = createStateReader<Progress>(reading);
  const subscription: Subscription<Progress | Unreadable | null> = {
    topic,
    start: 'beginning',
    maxRecords: 500,
    // In the log's order: of two records of a sweep the later one counts.
    lanes: 1,
    decode: (bytes) => reader.decode(bytes),
    handle: (records) => {
      for (const record of records) sweeps.noteProgress(record.partition, reader.believe(record));
      return Promise.resolve(records.map(() => ({ kind: 'done' })));
    },
    onAssigned: endWhenGrown(topic, partitions, onFatal),
    onCaughtUp: (partition) => sweeps.hold(partition),
    onDraining: (partition) => sweeps.pause(partition),
    onKept: (partition) => sweeps.hold(partition),
    onLost: (partition) => sweeps.lose(partition),
  };
  return subscription;
}
