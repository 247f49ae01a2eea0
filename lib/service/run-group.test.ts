import { pino } from 'pino';
import { SetAsideRows } from '../metrics/set-aside';
import { Metrics } from '../metrics/metrics';
import { MetricsObserver } from '../metrics/metrics-observer';
import { systemClock } from '../process/clock';
import { Troubles } from '../process/troubles';
import type { HealthContext } from './health';
import { workAs, type GroupProcess, type GroupSettings, type Membership } from './run-group';

const config: GroupSettings = {
  AFTERBUILD_NAMESPACE: 'tests.',
  CLEAR_TEXT_PASSWORDS: 'refuse',
  FAILURES_IN_A_ROW_MAX: 100,
  HTTP_HOST: '127.0.0.1',
  KAFKA_BROKERS: ['127.0.0.1:1'],
  KAFKA_METADATA_MAX_AGE_MS: 30_000,
  SCHEMA_REGISTRY_URL: 'http://127.0.0.1:1',
  STALL_EXIT_MS: 300_000,
  STALL_RED_MS: 120_000,
  START_LIMIT_MS: 1_000,
  STOP_LIMIT_MS: 1_000,
};

const membership: Membership = {
  group: 'tests.again',
  subscriptions: ({ subscription }, decisions) => [decisions, subscription],
  runsBeside: false,
};

function contextOf(): HealthContext {
  const logger = pino({ level: 'silent' });
  const metrics = new Metrics('tested');
  return {
    ...{ logger, metrics, observer: new MetricsObserver(metrics), troubles: new Troubles() },
    setAside: new SetAsideRows({ clock: systemClock, logger, metrics }),
    signal: new AbortController().signal,
    ended: Promise.resolve(),
    fail: () => undefined,
    exitNow: () => undefined,
    watch: (consumer) => consumer,
  };
}

test('when the start fails, what is open is closed in the reverse order, and the error stands', async () => {
  const closed: string[] = [];
  const process: GroupProcess<GroupSettings> = {
    name: 'artifact-deleter',
    topic: 'artifacts.expired',
    random: () => 0.5,
    readSettings: () => config,
    open: ({ closeAtEnd, mayBegin, partitionsOf, topicNamed }) => {
      closeAtEnd(() => void closed.push('first'));
      closeAtEnd(async () => void closed.push(await Promise.resolve('second')));
      expect(mayBegin()).toBe(false);
      expect(partitionsOf(topicNamed('artifacts.expired'))).toBeNull();
      return Promise.reject(new Error(`no right to read ${topicNamed('artifacts.expired')}`));
    },
  };
  await expect(workAs(membership, process, config, contextOf())).rejects.toThrow(
    'no right to read tests.artifacts.expired',
  );
  expect(closed).toEqual(['second', 'first']);
});
