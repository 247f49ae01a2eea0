/** The failure policy of a simulated process: how errors are classified, and where copies of records go. */
import { readFailure, readNotBefore } from '../../lib/runtime/failure-headers';
import type { FailurePolicy } from '../../lib/runtime/failure-policy';
import type { FailedRecord, Sender } from '../../lib/runtime/failures/failure-publisher';
import type { OutgoingRecord } from '../../lib/kafka/producer';
import type { ConsumedRecord } from '../../lib/runtime/subscription';
import type { Host } from './host';
import { retryTopicOf, type Plan } from './plan';
import { keyOf } from './simulated-broker';
import type { LoggedRecord, SimulatedLog } from './simulated-log';
import { StoreDownError } from './simulated-store';
import type { World } from './world';

const deadLetterTopic = 'things.group.dlq';

/** The first byte of a value says whether it is poison. */
export const isPoison = (value: Buffer | null): boolean => value?.[0] === 1;

export function policyOf(plan: Plan): FailurePolicy | null {
  const { failures, asksRegistry } = plan;
  if (!failures) return null;
  return {
    needs: asksRegistry ? ['postgres', 'registry'] : ['postgres'],
    classify: (error) => {
      if (error instanceof StoreDownError) return { kind: 'hold', dependency: error.dependency };
      if (error.name === 'WaitError') return { kind: 'wait' };
      if (error.name === 'UndecodableRecordError') return { kind: 'poison', reason: 'not-a-value' };
      return { kind: 'transient' };
    },
    retryTopics: failures.retryDelaysMs.map((delayMs, level) => ({
      topic: retryTopicOf(level),
      delayMs,
    })),
    deadLetters: failures.hasDeadLetters ? deadLetterTopic : null,
  };
}

/** The record of the topic itself, also for a record from a retry topic. */
export function originOf(
  world: World,
  record: Pick<ConsumedRecord<unknown>, 'topic' | 'partition' | 'offset' | 'headers'>,
): { log: SimulatedLog; offset: number } {
  const { broker } = world;
  const origin = readFailure(record.headers)?.origin ?? record;
  return { log: broker.log(origin), offset: origin.offset };
}

type OnSafe = (sender: Sender, letters: readonly FailedRecord[]) => void;

/** Writes copies, and checks what must hold for each. */
export class SimulatedLetters {
  readonly #world: World;
  readonly #host: Host;
  /** The copies are safe: for the checks. */
  readonly #onSafe: OnSafe;

  constructor(world: World, host: Host, onSafe: OnSafe) {
    this.#world = world;
    this.#host = host;
    this.#onSafe = onSafe;
  }

  async send(sender: Sender, letters: readonly FailedRecord[]): Promise<void> {
    const { broker, library, letterServer } = this.#world;
    const producer = {
      send: async (records: readonly OutgoingRecord[]) => {
        await broker.call(this.#host, () => {
          if (letterServer.isDown) throw new Error('the leader of the letters is away');
          // Some partitions of a request may have taken theirs when another fails.
          const fails = !broker.isQuiet && broker.random.chance(0.05);
          const taken = fails ? records.slice(0, records.length >> 1) : records;
          taken.forEach((record, index) => this.#append(sender, letters[index]!, record));
          if (fails) throw new Error('NOT_ENOUGH_REPLICAS');
        });
        return records.map(() => null);
      },
    };
    await new library.FailurePublisher(producer, 'group', this.#host).send(sender, letters);
    this.#onSafe(sender, letters);
  }

  #append(sender: Sender, { record, poison }: FailedRecord, copy: OutgoingRecord): void {
    const { broker, checks, time } = this.#world;
    const at = { topic: copy.topic, partition: copy.partition ?? -1 };
    const written = broker.log(at).append({
      key: copy.key === null ? null : Buffer.from(copy.key),
      value: copy.value,
      headers: copy.headers,
      timestampMs: time.nowMs,
    });
    broker.log(sender).copied.add(record.offset);
    checks.trace(`${this.#host.name} writes ${keyOf(sender)}@${record.offset} to ${keyOf(at)}`);
    this.#check(written, record.value, at.topic, poison !== undefined);
  }

  #check(copy: LoggedRecord, value: Buffer | null, topic: string, isDead: boolean): void {
    const { checks } = this.#world;
    const { offset: at, headerTexts: headers } = copy;
    const { log, offset } = originOf(this.#world, { offset: at, headers, topic, partition: -1 });
    const place = `${keyOf(log.at)}@${offset}`;
    if (!isSame(copy.value, value)) checks.fail(`the copy of ${place} has other bytes`);
    if (isDead !== (topic === deadLetterTopic)) checks.fail(`${place} went to ${topic}`);
    // Poison that a failing store hid may go through a retry topic; a good record is never a dead letter.
    if (isDead && !isPoison(value)) checks.fail(`${place} is dead, but no poison`);
    if (isDead) log.dead.add(offset);
    else this.#checkAttempts(copy, place, log.ownFailures.get(offset) ?? 0);
  }

  /** An outage counts no attempt. */
  #checkAttempts({ headerTexts }: LoggedRecord, place: string, failed: number): void {
    const attempts = readFailure(headerTexts)?.attempts ?? Infinity;
    if (attempts <= failed) return;
    this.#world.checks.fail(`${place} counts ${attempts} attempts, and failed ${failed} times`);
  }
}

const isSame = (one: Buffer | null, other: Buffer | null): boolean =>
  one === null || other === null ? one === other : one.equals(other);

/** A record of a retry topic is not handled before it is due. */
export function checkDue(world: World, host: Host, record: ConsumedRecord<unknown>): void {
  const notBeforeMs = readNotBefore(record.headers);
  if (notBeforeMs === null || world.plan.skewsClocks || host.nowMs() >= notBeforeMs) return;
  world.checks.fail(`${keyOf(record)}@${record.offset} was handled before its time`);
}
