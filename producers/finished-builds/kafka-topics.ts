/** The two topics that this process writes: the finished builds, and how far the stale sweep has come. */
import {
  readBacklog,
  sendEncoded,
  type PartitionBacklog,
  type WorkTopic,
  type WrittenProgress,
} from '../../lib/source/encoded-topic';
import type { BuildFinished, StaleProgress } from '../../schemas/generated';
import type { CursorTopic, FinishedRecord, FinishedTopic } from './ports';
import { progressKey } from './progress';

/** `builds.finished`. */
export class KafkaFinishedTopic implements FinishedTopic {
  /** @param work with the group that archives: the stale sweep waits for its progress. */
  constructor(private readonly work: WorkTopic<BuildFinished>) {}

  async produce(records: readonly FinishedRecord[]): Promise<void> {
    await sendEncoded(this.work, records);
  }

  backlog(): Promise<readonly PartitionBacklog[]> {
    return readBacklog(this.work);
  }
}

/** `afterbuild.stale-progress`: a slice's cursor lies in the partition of its number. */
export class KafkaCursorTopic implements CursorTopic {
  constructor(private readonly written: WrittenProgress<StaleProgress, [StaleProgress]>) {}

  async write(progress: StaleProgress): Promise<void> {
    const { slice } = progress;
    await sendEncoded(this.written, [
      { key: progressKey(slice), partition: slice, value: progress },
    ]);
    this.written.onWritten(progress);
  }
}
