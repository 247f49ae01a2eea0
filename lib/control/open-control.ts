/** Makes the control client of a process and its status reporter, with codecs and producer. */
import type { Registry } from '../avro/registry';
import type { Consumer } from '../runtime/consumer';
import type { RecordProducer } from '../kafka/producer';
import { topicNames } from '../kafka/topics/topics';
import type { Metrics } from '../metrics/metrics';
import type { Clock } from '../process/clock';
import { instanceName } from '../process/instance-name';
import type { Logger } from '../process/logger';
import type { SetAside } from '../metrics/set-aside';
import type { Troubles } from '../process/troubles';
import { within } from '../process/within';
import type { Control, InstanceStatus } from '../../schemas/generated';
import { ControlClient } from './control-client';
import type { ProcessName } from '../process/processes';
import type { RedisView } from './instance-status';
import { showSourceWork, type ReadSourceWork } from './source-work';
import { StatusReporter } from './status-reporter';
import { StateWriter } from './state-writer';

interface OpenControlOptions {
  readonly process: ProcessName;
  /** Name in `topics.ts` of the topic of the process's work. */
  readonly work: string;
  /** Empty, or a prefix like `team-a.`. */
  readonly namespace: string;
  readonly registry: Registry;
  readonly createProducer: () => RecordProducer;
  /** For its status. */
  readonly troubles: Troubles;
  readonly setAside: Pick<SetAside, 'current'>;
  readonly metrics: Pick<Metrics, 'beforeRead' | 'clear' | 'set'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface OpenControl {
  readonly client: ControlClient;
  /**
   * Called before the consumer starts.
   * @param work how much is left at the source of the work. @param redis for the status of a process that uses it.
   */
  follow(consumer: Consumer, work: ReadSourceWork, redis?: () => RedisView): void;
  /** Called after the consumer has stopped. Never rejects and never takes long. */
  end(): Promise<void>;
}

const endLimitMs = 3_000;

export function openControl(options: OpenControlOptions): OpenControl {
  const { process, work, namespace, registry, createProducer, clock, logger } = options;
  const { metrics, setAside, troubles } = options;
  const instance = instanceName();
  const writer = new StateWriter({ registry, createProducer, clock });
  const control = `${namespace}${topicNames.control}`;
  const codec = writer.codecOf<Control>(control, topicNames.control);
  const client = new ControlClient({
    ...{ process, clock, logger },
    instance,
    topics: { control, work: `${namespace}${work}` },
    decode: (bytes, headers) => codec.decode(bytes, headers),
    write: async (key, value) => {
      await writer.write(control, key, value && (await codec.encode(value)));
    },
  });
  const status = `${namespace}${topicNames.status}`;
  const statusCodec = writer.codecOf<InstanceStatus>(status, topicNames.status);
  const identity = {
    ...{ process, instance, work: `${namespace}${work}` },
    startedAtMs: clock.nowMs(),
  };
  const reporter = new StatusReporter({
    ...{ identity, steering: client, troubles, setAside, clock, logger },
    write: async (value) => {
      await writer.write(status, client.owner, value && (await statusCodec.encode(value)));
    },
  });
  const end = async (): Promise<void> => {
    await Promise.all([client.end(), reporter.end()]);
    await writer.close();
  };
  return {
    client,
    follow: (consumer, read, redis) => {
      client.follow(consumer);
      reporter.begin(() => consumer.state(), read, redis);
      showSourceWork(metrics, read, clock);
    },
    end: () =>
      within(
        clock,
        endLimitMs,
        end().catch(() => undefined),
        undefined,
      ),
  };
}
