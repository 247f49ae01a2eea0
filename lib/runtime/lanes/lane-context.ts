/** What the lanes of all partitions of one consumer share. */
import type { Clock } from '../../process/clock';
import type { ConsumerClient } from '../../kafka/client-port';
import type { Admission } from '../failures/admission';
import type { FailurePublisher } from '../failures/failure-publisher';
import type { RuntimeObserver } from '../observer';
import type { ConsumerSettings } from '../settings';
import type { AdaptiveConcurrency } from './adaptive-concurrency';
import type { FailureRun } from './redirect';
import type { Slots } from './slots';

export interface LaneContext {
  readonly client: ConsumerClient;
  readonly settings: ConsumerSettings;
  readonly clock: Clock;
  readonly random: () => number;
  readonly slots: Slots;
  readonly pace: AdaptiveConcurrency;
  readonly admission: Admission;
  readonly publisher: Pick<FailurePublisher, 'send'>;
  readonly failureRun: FailureRun;
  readonly observer: RuntimeObserver;
  /** Why the group does not accept commits at the moment. */
  readonly commits: { refusedBy: Error | null };
  /** For errors that must not happen: of the runtime itself. */
  readonly onFatal: (error: Error) => void;
}
