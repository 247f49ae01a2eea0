/** What the lanes of all partitions of one consumer share. */
import type { Clock } from '../../process/clock';
import type { ConsumerClient } from '../../kafka/client-port';
import type { Gate } from '../failures/admission';
import type { Letters } from '../failures/failure-publisher';
import type { RuntimeObserver } from '../observer';
import type { ConsumerSettings } from '../settings';
import type { MicroBatchPace } from './adaptive-concurrency';
import type { LetterRun } from './failure-run';
import type { Slots } from './slots';

export interface LaneContext {
  readonly client: ConsumerClient;
  readonly settings: ConsumerSettings;
  readonly clock: Clock;
  readonly random: () => number;
  readonly slots: Slots;
  readonly pace: MicroBatchPace;
  readonly gate: Gate;
  readonly letters: Pick<Letters, 'send'>;
  readonly letterRun: LetterRun;
  readonly observer: RuntimeObserver;
  /** Why the group does not accept commits at the moment. */
  readonly commits: { refusedBy: Error | null };
  /** For errors that must not happen: of the runtime itself. */
  readonly onFatal: (error: Error) => void;
}
