/** What all partitions of one consumer share. */
import type { Logger } from '../../process/logger';
import { BufferBudget } from './buffer-budget';
import type { ConsumerClient } from '../../kafka/client-port';
import type { ConsumerOptions } from '../consumer';
import { Admission } from '../failures/admission';
import { FailureRun } from '../lanes/redirect';
import type { FailurePublisher } from '../failures/failure-publisher';
import { AdaptiveConcurrency } from '../lanes/adaptive-concurrency';
import { noObserver } from '../observer';
import type { ConsumerSettings } from '../settings';
import type { LaneContext } from '../lanes/lane-context';
import { Slots } from '../lanes/slots';

export type RuntimeOptions = Omit<ConsumerOptions, 'kafka' | 'settings' | 'group'> & {
  readonly client: ConsumerClient;
  readonly settings: ConsumerSettings;
  /** Needed by subscriptions with retry or dead-letter topics. */
  readonly publisher: Pick<FailurePublisher, 'send'>;
};

export interface ConsumerContext extends LaneContext {
  readonly logger: Logger;
  readonly budget: BufferBudget;
}

/** @param onChange called when lanes that were refused, or waited for room, may be admitted now. */
export function createContext(
  options: RuntimeOptions,
  { onChange, onFatal }: { readonly onChange: () => void } & Pick<ConsumerContext, 'onFatal'>,
): ConsumerContext {
  const { client, settings, clock, random, logger, publisher, observer = noObserver } = options;
  const slots = new Slots(settings.concurrency);
  return {
    ...{ client, settings, clock, random, logger, slots, publisher, observer, onFatal },
    pace: new AdaptiveConcurrency(slots, options.subscriptions, clock),
    budget: new BufferBudget(settings.processBufferBytes, onChange),
    admission: new Admission({ clock, random, logger, observer, onChange }),
    commits: { refusedBy: null },
    failureRun: new FailureRun(settings.failureRunMax),
  };
}
