/** One process: a host, a client, the runtime, and a handler whose effects are in the store. */
import type { TopicPartition } from '../../lib/kafka/client-port';
import { done, retry, skip, type Outcome } from '../../lib/runtime/outcome';
import type { Logger } from '../../lib/process/logger';
import type { Runtime } from '../../lib/runtime/member/runtime';
import type { ConsumerSettings } from '../../lib/runtime/settings';
import type { AnySubscription, ConsumedRecord, MayBegin } from '../../lib/runtime/subscription';
import { pino } from 'pino';
import { checkBegin } from './brokers/begin-checks';
import { ObservedClient } from './brokers/observed-client';
import type { CheckedProcess } from './checks';
import { checkDue, isPoison, originOf, policyOf, SimulatedLetters } from './failing';
import type { Holding } from './holding';
import { Host } from './host';
import type { SeededRandom } from './random';
import type { ProcessClient } from './process-client';
import { keyOf } from './simulated-broker';
import { SimulatedClient } from './simulated-client';
import { StoreDownError } from './simulated-store';
import type { World } from './world';

const stateTopic = 'state';
/** The same share of its stop time that the runtime uses. */
const stopDrainShare = 0.6;

/** Of a record: its key, its size in memory, and the headers of a retry topic. */
const besideValueBytes = 2_000;

export class Instance implements CheckedProcess {
  readonly host: Host;
  readonly client: ProcessClient;
  readonly runtime: Runtime;
  readonly settings: ConsumerSettings;
  readonly holdings = new Map<string, Holding>();
  readonly ended: Holding[] = [];
  /** Running micro-batches. */
  running = 0;
  isStopping = false;
  /** The part of a stop that waits for running work has passed. */
  isDrainOver = false;
  readonly #world: World;
  readonly #random: SeededRandom;

  constructor(world: World, name: string, onExit: (instance: Instance) => void) {
    const { plan, library } = world;
    this.#world = world;
    this.#random = world.random.fork();
    this.settings = plan.settings;
    this.host = new Host(
      name,
      world.time,
      plan.skewsClocks ? this.#random.int(-1, 1) * 86_400_000 : 0,
    );
    this.client = this.#createClient();
    this.client.onDrained = (startedAtMs) => world.checks.drained(this, startedAtMs);
    this.runtime = new library.Runtime({
      client: this.client,
      settings: plan.settings,
      clock: this.host,
      publisher: new SimulatedLetters(world, this.host, (sender, letters) => {
        const offsets = letters.map(({ record }) => record.offset);
        world.checks.lettered(this.holdings.get(keyOf(sender)), offsets);
      }),
      random: () => this.#random.next(),
      logger: this.#createLogger(),
      onFatal: (error) => {
        world.checks.trace(`${name} gives up: ${error.message}`);
        if (!plan.mayGiveUp) world.checks.fail(`${name} gave up: ${error.stack ?? error.message}`);
        onExit(this);
      },
      subscriptions: this.#subscriptions(),
    });
  }

  get largestFetch(): { readonly records: number; readonly bytes: number } {
    const { fetchRecords, recordBytes } = this.#world.plan;
    // One beyond the mark, and one that was on its way.
    const records = 2 * fetchRecords;
    return { records, bytes: records * (recordBytes + besideValueBytes) };
  }

  start(): void {
    this.#world.checks.trace(`${this.host.name} starts`);
    void this.runtime.start();
  }

  /** As SIGTERM does. */
  async stop(): Promise<void> {
    const { checks, plan } = this.#world;
    this.isStopping = true;
    this.host.after(plan.stopMs * stopDrainShare - 2, () => (this.isDrainOver = true));
    checks.trace(`${this.host.name} stops`);
    const before = this.ended.length;
    const wasQuiet = this.#world.isQuiet;
    const { clean } = await this.runtime.stop(plan.stopMs);
    checks.trace(`${this.host.name} has stopped${clean ? ' cleanly' : ''}`);
    if (clean) checks.stoppedCleanly(this, this.ended.slice(before));
    else if (wasQuiet) checks.fail(`${this.host.name} did not stop cleanly`);
  }

  #createClient(): ProcessClient {
    const { plan, broker, brokers, oneBrokersGroup: group, library } = this.#world;
    const { settings, topics, fetchRecords } = plan;
    if (brokers) {
      return new ObservedClient({
        ...{ host: this.host, brokers, library, settings, topics, fetchRecords },
        random: this.#random.fork(),
        logger: this.#createLogger(),
      });
    }
    return new SimulatedClient({
      host: this.host,
      broker,
      group,
      library,
      random: this.#random.fork(),
      ...{ settings, topics, fetchRecords },
      leftOvers: plan.leftOvers,
    });
  }

  #createLogger(): Logger {
    const { checks, isTraced } = this.#world;
    const write = (line: string): void => {
      const { level, ...said } = JSON.parse(line) as { level: number };
      checks.trace(`${this.host.name} logs ${JSON.stringify(said).slice(0, 300)}`);
      if (level >= 50) checks.fail(`an error was logged: ${line}`);
    };
    const level = isTraced ? 'debug' : 'error';
    return pino({ level, base: null, timestamp: false }, { write });
  }

  #subscriptions(): AnySubscription[] {
    const { plan } = this.#world;
    const work: AnySubscription = {
      ...plan.subscription,
      topic: 'things',
      start: 'committed',
      decode: (value) => this.#decode(value),
      ...(plan.subscription.maxWeight === undefined
        ? {}
        : { weigh: (value) => Math.abs(Number(value)) }),
      handle: (records, signal, mayBegin) => this.#handle(records, signal, mayBegin),
    };
    const policy = policyOf(plan);
    const working = policy
      ? this.#world.library.withRetryTopics({ ...work, failures: policy })
      : [work];
    const watched = working.map((one) => ({ ...one, ...this.#hooks(one.topic) }));
    if (!plan.topics.some(({ topic }) => topic === stateTopic)) return watched;
    const state: AnySubscription = {
      topic: stateTopic,
      start: 'beginning',
      readers: plan.topics.some(({ everyMember }) => everyMember) ? 'every-member' : 'one-member',
      maxRecords: plan.subscription.maxRecords,
      decode: (value) => value?.length ?? 0,
      handle: (records) =>
        this.#apply(records, () => Promise.resolve(records.map(() => done)), false),
      ...this.#hooks(stateTopic),
    };
    return [...watched, state];
  }

  #hooks(topic: string): Partial<AnySubscription> {
    const { checks } = this.#world;
    const at = (partition: number): TopicPartition => ({ topic, partition });
    const holding = (partition: number): Holding | undefined =>
      this.holdings.get(keyOf(at(partition)));
    const drain = (partition: number, isDraining: boolean): void => {
      const own = holding(partition);
      if (own) own.isDraining = isDraining;
    };
    return {
      onAssigned: (partition, { highWatermark }) =>
        checks.opened(this, at(partition), highWatermark, topic !== stateTopic),
      onCaughtUp: (partition) => checks.caughtUp(this, at(partition)),
      onDraining: (partition) => {
        drain(partition, true);
        return Promise.resolve();
      },
      onKept: (partition) => drain(partition, false),
      onLost: (partition) => checks.lost(this, at(partition)),
    };
  }

  #decode(value: Buffer | null): number | Promise<number> {
    const { plan, registry } = this.#world;
    const size = value?.length ?? 0;
    // This code finds one half of the poison, the handler the other.
    if (isPoison(value) && size % 2 === 0) {
      throw new this.#world.library.UndecodableRecordError(
        'these bytes are no value',
        'not-a-value',
      );
    }
    const decoded = isPoison(value) ? -size : size;
    if (!plan.asksRegistry || this.#random.chance(0.5)) return decoded;
    return registry.change(this.host, []).then(() => decoded);
  }

  #handle(
    records: readonly ConsumedRecord<unknown>[],
    signal: AbortSignal,
    mayBegin: MayBegin,
  ): Promise<Outcome[]> {
    return this.#apply(
      records,
      async () => {
        const { store, broker } = this.#world;
        const good = records.filter(({ value }) => Number(value) >= 0);
        const items = good.map((record) => ({
          apply: () => {
            const { log, offset } = originOf(this.#world, record);
            log.effects.add(offset);
            broker.log(record).effects.add(record.offset);
          },
        }));
        this.#world.library.assertMayBegin(mayBegin);
        checkBegin(this.#world, this, records);
        const failures = new Map(
          (await store.change(this.host, items)).map((error, index) => [good[index]!, error]),
        );
        if (signal.aborted && this.#random.chance(0.5)) throw signal.reason as Error;
        return this.#judge(records, failures);
      },
      true,
    );
  }

  #judge(
    records: readonly ConsumedRecord<unknown>[],
    failures: ReadonlyMap<ConsumedRecord<unknown>, Error | null>,
  ): Outcome[] {
    const { keepsOrder, skipEvery } = this.#world.plan;
    const failed = new Map<string | null, Error>();
    return records.map((record) => {
      const own = failures.get(record);
      if (own === undefined)
        return retry(
          new this.#world.library.UndecodableRecordError('an id below 0', 'impossible-id'),
        );
      // Order within a key: records behind a failed one are handled again after it.
      const error = own ?? (keepsOrder && record.key !== null ? failed.get(record.key) : null);
      if (!error) return record.offset % skipEvery === 0 ? skip('nothing to do') : done;
      failed.set(record.key, error);
      return retry(error);
    });
  }

  async #apply(
    records: readonly ConsumedRecord<unknown>[],
    work: () => Promise<Outcome[]>,
    isCounted: boolean,
  ): Promise<Outcome[]> {
    const { checks } = this.#world;
    const first = records[0];
    const holding = first && this.holdings.get(keyOf(first));
    this.running += isCounted ? 1 : 0;
    checks.handing(this, records);
    for (const record of records) checkDue(this.#world, this.host, record);
    let outcomes: Outcome[] = [];
    try {
      outcomes = await work();
      this.#countFailures(records, (index) => outcomes[index]?.kind === 'retry');
      return outcomes;
    } catch (error) {
      if (!isNobodysFault(error)) this.#countFailures(records, () => true);
      throw error;
    } finally {
      this.running -= isCounted ? 1 : 0;
      const isDone = outcomes.map(({ kind }) => kind === 'done' || kind === 'skip');
      checks.handed(this, holding, records, isDone);
    }
  }

  /** How often a record has failed for its own reasons; no header may say more. */
  #countFailures(
    records: readonly ConsumedRecord<unknown>[],
    hasFailed: (index: number) => boolean,
  ): void {
    records.forEach((record, index) => {
      if (!hasFailed(index)) return;
      const { log, offset } = originOf(this.#world, record);
      log.ownFailures.set(offset, (log.ownFailures.get(offset) ?? 0) + 1);
    });
  }
}

/** It counts no attempt: a dependency is unavailable, or the membership is not proved. */
const isNobodysFault = (error: unknown): boolean =>
  error instanceof StoreDownError || (error as Error).name === 'WaitError';
