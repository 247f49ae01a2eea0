/** What all partitions of one consumer share. */
import type { Clock } from '../../process/clock';
import type { Logger } from '../../process/logger';
import { BufferBudget } from './buffer-budget';
import type { ConsumerClient } from '../../kafka/client-port';
import type { ConsumerOptions } from '../consumer';
import { Gate } from '../failures/admission';
import { LetterRun } from '../lanes/failure-run';
import type { Letters } from '../failures/failure-publisher';
import { MicroBatchPace } from '../lanes/adaptive-concurrency';
import { noObserver, type RuntimeObserver } from '../observer';
import type { ConsumerSettings } from '../settings';
import { Slots } from '../lanes/slots';

export type RuntimeOptions = Omit<ConsumerOptions, 'kafka' | 'settings' | 'group'> & {
  readonly client: ConsumerClient;
  readonly settings: ConsumerSettings;
  /** Needed by subscriptions with retry or dead-letter topics. */
  readonly letters: Pick<Letters, 'send'>;
};

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
  /** Why the group does not accept commits at the moment. */
  readonly commits: { refusedBy: Error | null };
  /** For what must not happen: an error of the runtime itself. */
  readonly onFatal: (error: Error) => void;
}

/** @param onChange whoever was refused, or had to wait for room, may be let in now. */
export function surround(
  options: RuntimeOptions,
  { onChange, onFatal }: { readonly onChange: () => void } & Pick<Surroundings, 'onFatal'>,
): Surroundings {
  const { client, settings, clock, random, logger, letters, observer = noObserver } = options;
  const slots = new Slots(settings.concurrency);
  return {
    ...{ client, settings, clock, random, logger, slots, letters, observer, onFatal },
    pace: new MicroBatchPace(slots, options.subscriptions, clock),
    budget: new BufferBudget(settings.processBufferBytes, onChange),
    gate: new Gate({ clock, random, logger, observer, onChange }),
    commits: { refusedBy: null },
    letterRun: new LetterRun(settings.letterRunMax),
  };
}
