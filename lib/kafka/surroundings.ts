/** What all partitions of one consumer share. */
import type { Clock } from '../process/clock';
import type { Logger } from '../process/logger';
import type { BufferBudget } from './buffer-budget';
import type { ConsumerClient } from './client-port';
import type { Gate } from './gate';
import type { LetterRun } from './letter-run';
import type { Letters } from './letters';
import type { RuntimeObserver } from './observer';
import type { MicroBatchPace } from './micro-batch-pace';
import type { ConsumerSettings } from './settings';
import type { Slots } from './slots';

export interface Surroundings {
  readonly client: ConsumerClient;
  readonly settings: ConsumerSettings;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly slots: Slots;
  readonly pace: MicroBatchPace;
  readonly budget: BufferBudget;
  readonly gate: Gate;
  readonly letters: Pick<Letters, 'send'>;
  readonly letterRun: LetterRun;
  readonly observer: RuntimeObserver;
  /** For what must not happen: an error of the runtime itself. */
  readonly onFatal: (error: Error) => void;
}
