/**
 * Checks what must hold at every moment of a simulation, under any fault.
 *
 * A check that threw would look like a failure of a store and be retried, so the first break is kept and ends the
 * simulation after the event.
 */
import type { CommitEntry, TopicPartition } from '../../lib/kafka/client-port';
import type { Runtime } from '../../lib/runtime/member/runtime';
import type { ConsumerSettings } from '../../lib/runtime/settings';
import type { ConsumedRecord } from '../../lib/runtime/subscription';
import { Holding, Progress } from './holding';
import type { Host } from './host';
import type { ProcessClient } from './process-client';
import { keyOf, type SimulatedBroker } from './simulated-broker';
import type { SimulatedLog } from './simulated-log';

/** The questions of the checks to a process. */
export interface CheckedProcess {
  readonly host: Host;
  readonly client: ProcessClient;
  readonly runtime: Runtime;
  readonly settings: ConsumerSettings;
  /** Partitions in its hands, and those that it has lost. */
  readonly holdings: Map<string, Holding>;
  readonly ended: Holding[];
  readonly running: number;
  readonly isStopping: boolean;
  readonly isDrainOver: boolean;
  readonly largestFetch: { readonly records: number; readonly bytes: number };
}

/** Nothing to do, done, or copied to another topic. */
const isSafe = (log: SimulatedLog, at: number): boolean =>
  !log.byOffset.has(at) || log.effects.has(at) || log.copied.has(at);

class BrokenError extends Error {
  override readonly name = 'BrokenError';
}

const places = (records: readonly ConsumedRecord<unknown>[]): string =>
  records.map(({ topic, partition, offset }) => `${topic}/${partition}@${offset}`).join(' ');

export class Checks {
  broken: Error | null = null;
  repeats = 0;
  handled = 0;
  commits = 0;
  /** When a record was first passed to a handler, by partition and offset. */
  readonly #handedAtMs = new Map<string, Map<number, number>>();
  readonly #progress = new Map<string, Progress>();
  readonly #holdings = new Set<Holding>();

  constructor(
    readonly broker: SimulatedBroker,
    readonly keepsOrder: boolean,
    readonly writesLetters: boolean,
    readonly trace: (line: string) => void,
  ) {}

  fail(what: string): void {
    this.trace(`BROKEN: ${what}`);
    this.broken ??= new BrokenError(what);
  }

  /** I6, at every commit: no unfinished record is committed, and no finished one is forgotten. */
  committed(entry: CommitEntry, memberId: string): void {
    this.commits += 1;
    const key = keyOf(entry);
    const log = this.broker.log(entry);
    const after = Progress.of(entry);
    const before = this.#progress.get(key) ?? new Progress(0, '');
    this.#progress.set(key, after);
    this.trace(`${memberId} commits ${key}@${entry.offset} ${entry.metadata}`);
    this.#checkCommit(log, before, after);
    for (const { log: held, uncommitted } of this.#holdings) {
      if (held !== log) continue;
      for (const at of uncommitted.keys()) if (after.has(at)) uncommitted.delete(at);
    }
  }

  #checkCommit(log: SimulatedLog, before: Progress, after: Progress): void {
    const key = keyOf(log.at);
    if (!log.at.topic.startsWith('things')) this.fail(`${key} is state, but was committed`);
    if (after.offset < before.offset) {
      this.fail(`the group's offset of ${key} went back: ${before.offset} to ${after.offset}`);
    }
    if (after.offset > log.end) this.fail(`${key} was committed beyond its end: ${after.offset}`);
    const newly = [...after.beyond];
    for (let at = before.offset; at < after.offset; at += 1) newly.push(at);
    const undone = newly.find((at) => !isSafe(log, at));
    if (undone !== undefined) this.fail(`${key}@${undone} was committed, but is not done`);
    const forgotten = [...before.beyond].find((at) => !after.has(at));
    if (forgotten !== undefined) this.fail(`${key}@${forgotten} was in the commit map, and is not`);
  }

  opened(
    instance: CheckedProcess,
    at: TopicPartition,
    highWatermark: number,
    commits: boolean,
  ): void {
    const key = keyOf(at);
    if (instance.holdings.has(key)) this.fail(`${instance.host.name} opened ${key} twice`);
    const position = commits ? (instance.client.knownPositions.get(key) ?? null) : null;
    const { nowMs } = this.broker.time;
    const holding = new Holding(this.broker.log(at), position, nowMs, highWatermark);
    if (commits !== holding.commits) this.fail(`${key} was opened before its position was read`);
    this.trace(`${instance.host.name} opens ${key}@${holding.before.offset}`);
    instance.holdings.set(key, holding);
    this.#holdings.add(holding);
  }

  lost(instance: CheckedProcess, at: TopicPartition): void {
    const holding = instance.holdings.get(keyOf(at));
    if (!holding) return;
    this.trace(`${instance.host.name} loses ${keyOf(at)}`);
    holding.isLost = true;
    instance.holdings.delete(keyOf(at));
    instance.ended.push(holding);
    this.#holdings.delete(holding);
  }

  /** Nothing is lost before the end: an uncommitted record that should have been committed by now. */
  commitsAreFresh(instance: CheckedProcess): void {
    const nowMs = this.broker.time.nowMs;
    const windowMs = 2 * instance.settings.commitEveryMs + 8 * this.broker.network.latencyMs + 5;
    if (!instance.client.isSettled || instance.client.troubledSince(nowMs - windowMs)) return;
    for (const [key, holding] of instance.holdings) {
      const [oldest] = holding.uncommitted;
      if (oldest && oldest[1] < nowMs - windowMs) {
        this.fail(`${key}@${oldest[0]} was done ${nowMs - oldest[1]} ms ago and is in no commit`);
      }
    }
  }

  /** The moment before a JoinGroup is sent. */
  drained(instance: CheckedProcess, startedAtMs: number): void {
    const { client } = instance;
    const tookMs = this.broker.time.nowMs - startedAtMs;
    // The drain of a stop, which a rejoin during it shares, began earlier.
    const isRefused = instance.isStopping && client.refusedSinceMs !== Infinity;
    const isTroubled = client.troubledSince(startedAtMs) || isRefused;
    for (const [key, holding] of instance.holdings) {
      if (holding.running.size > 0) {
        if (tookMs >= instance.settings.drainMs - 2 || instance.isDrainOver) continue;
        this.fail(`${instance.host.name} rejoined after ${tookMs} ms while ${key} was at work`);
      } else if (holding.uncommitted.size > 0 && !isTroubled) {
        const [at] = holding.uncommitted.keys();
        this.fail(
          `${instance.host.name} rejoined, and ${key}@${at ?? ''} was done but not committed`,
        );
      }
    }
  }

  stoppedCleanly(instance: CheckedProcess, since: readonly Holding[]): void {
    for (const { log, uncommitted, running } of since) {
      if (uncommitted.size === 0 && running.size === 0) continue;
      this.fail(
        `${instance.host.name} called its stop clean, but of ${keyOf(log.at)} work is left`,
      );
    }
  }

  handing(instance: CheckedProcess, records: readonly ConsumedRecord<unknown>[]): void {
    const { name } = instance.host;
    this.handled += records.length;
    this.trace(`${name} handles ${places(records)}`);
    if (instance.host.isDead) this.fail(`${name} is dead and handles ${places(records)}`);
    if (instance.isStopping) this.fail(`${name} stops, and begins ${places(records)}`);
    if (instance.running > instance.settings.concurrency) {
      this.fail(`${name} runs ${instance.running} micro-batches at once`);
    }
    const together = new Set<number>();
    for (const record of records) {
      this.#handingOne(instance, record, together);
      together.add(record.offset);
    }
  }

  #handingOne(
    instance: CheckedProcess,
    record: ConsumedRecord<unknown>,
    together: ReadonlySet<number>,
  ): void {
    const { offset } = record;
    const place = places([record]);
    const holding = instance.holdings.get(keyOf(record));
    if (!holding) {
      this.fail(`${instance.host.name} handles ${place}, which is not its own`);
      return;
    }
    if (holding.isDraining) this.fail(`${place} was begun although the partition is drained`);
    if (holding.isDone(offset)) this.fail(`${place} was handled again although it is done`);
    if (holding.running.has(offset)) this.fail(`${place} is handled twice at once`);
    const { previousOfKey } = holding.log.byOffset.get(offset)!;
    if (
      this.keepsOrder &&
      previousOfKey >= 0 &&
      !holding.isDone(previousOfKey) &&
      !together.has(previousOfKey)
    ) {
      this.fail(`${place} overtook ${previousOfKey}, which has the same key`);
    }
    this.#noteHanded(instance, holding, record);
    holding.running.add(offset);
  }

  #noteHanded(instance: CheckedProcess, holding: Holding, record: ConsumedRecord<unknown>): void {
    const { offset, maybeRepeated } = record;
    const { log } = holding;
    if (log.effects.has(offset)) this.repeats += 1;
    const byOffset = this.#handedAtMs.get(keyOf(record)) ?? new Map<number, number>();
    this.#handedAtMs.set(keyOf(record), byOffset);
    const handedAtMs = byOffset.get(offset) ?? Infinity;
    byOffset.set(offset, Math.min(handedAtMs, this.broker.time.nowMs));
    // The promise ends where a holder's window cannot have reached.
    const reach = holding.before.offset + 2 * instance.settings.windowRecords;
    const isWithinReach = holding.commits && offset < Math.min(reach, holding.highWatermark);
    if (handedAtMs < holding.openedAtMs && isWithinReach && !maybeRepeated) {
      this.fail(`${places([record])} was handled by an earlier holder, and is not called repeated`);
    }
  }

  /** @param done whether the handler reported each as done. */
  handed(
    instance: CheckedProcess,
    holding: Holding | undefined,
    records: readonly ConsumedRecord<unknown>[],
    done: readonly boolean[],
  ): void {
    const isDone = records.filter((_, index) => done[index]);
    this.trace(
      `${instance.host.name} has done ${isDone.length}/${records.length} ${places(isDone)}`,
    );
    // A micro-batch whose copies are being written counts only after that, which may take a while.
    const isWhole = !this.writesLetters || isDone.length === records.length;
    for (const [index, { offset }] of records.entries()) {
      holding?.running.delete(offset);
      // A result after the loss of the partition is dropped, and the records come again.
      if (!holding || holding.isLost || !done[index]) continue;
      if (isWhole) this.#finish(holding, offset);
      else holding.finished.add(offset);
    }
  }

  /** Copies of the records are safe: they are finished without having been done. */
  lettered(holding: Holding | undefined, offsets: readonly number[]): void {
    if (!holding || holding.isLost) return;
    for (const offset of offsets) this.#finish(holding, offset);
  }

  #finish(holding: Holding, offset: number): void {
    holding.finished.add(offset);
    if (holding.commits) holding.uncommitted.set(offset, this.broker.time.nowMs);
  }

  /** For a topic that is read from its beginning: every existing record was handled. */
  caughtUp(instance: CheckedProcess, at: TopicPartition): void {
    const holding = instance.holdings.get(keyOf(at));
    if (!holding) {
      this.fail(`${keyOf(at)} caught up without being open`);
      return;
    }
    for (const offset of holding.log.byOffset.keys()) {
      if (offset >= holding.highWatermark || holding.isDone(offset)) continue;
      this.fail(`${keyOf(at)} was said to have caught up, but ${offset} was not handled`);
    }
  }

  /** Memory stays bounded, for any lag. */
  memoryIsBounded(instance: CheckedProcess): void {
    const { settings, largestFetch } = instance;
    const { partitions } = instance.runtime.state();
    let bytes = 0;
    for (const { topic, partition, bufferedRecords, bufferedBytes } of partitions) {
      bytes += bufferedBytes;
      const isOver =
        bufferedRecords > settings.partitionBufferRecords + largestFetch.records ||
        bufferedBytes > settings.partitionBufferBytes + largestFetch.bytes;
      if (isOver || bufferedRecords < 0 || bufferedBytes < 0) {
        this.fail(
          `${topic}/${partition} buffers ${bufferedRecords} records, ${bufferedBytes} bytes`,
        );
      }
    }
    const limit = 2 * settings.processBufferBytes + partitions.length * largestFetch.bytes;
    if (bytes > limit) this.fail(`${instance.host.name} buffers ${bytes} bytes; limit ${limit}`);
  }
}
