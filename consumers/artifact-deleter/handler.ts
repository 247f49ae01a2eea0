/**
 * Deletes the row, then the object (I3 of docs/glossary.md): the effects of a micro-batch in the only order that is safe
 * at every crash.
 *
 * take → brake → does S3 delete → DELETE and commit → look up missing rows → claims → DeleteObjects → outcomes. After a
 * crash at any point the record comes again: rows that are gone by then are looked up, found missing, and their keys
 * are taken from the record.
 */
import type { ArtifactsExpired } from '../../schemas/generated';
import type { Arrival } from '../../lib/brake/absence-gauge';
import { BrakeError, ForeignRecordError } from '../../lib/brake/brake';
import { type Outcome, retry, skip } from '../../lib/runtime/outcome';
import { WaitError } from '../../lib/runtime/record-errors';
import { unproved } from '../../lib/runtime/membership-guard';
import type { ConsumedRecord, MayBegin } from '../../lib/runtime/subscription';
import type { Clock } from '../../lib/process/clock';
import type { Logger } from '../../lib/process/logger';
import type { SetAside } from '../../lib/metrics/set-aside';
import type { ReachStep } from '../../lib/process/steps';
import { PostgresError } from '../../lib/stores/postgres/errors';
import { S3Error } from '../../lib/stores/s3/errors';
import {
  countOf,
  type Item,
  itemsOf,
  outcomeOf,
  sampleKeys,
  settleDeleted,
  settleMissing,
  statementsOf,
  arrivalOf,
  unexplainedAbsences,
} from './decide';
import { deleteObjects, findClaimed, unfinished } from './delete-objects';
import { holdDry, reportDue } from './dry-run';
import { report } from './report';
import type {
  ArtifactObjects,
  ArtifactRows,
  DeletionAllowance,
  DeletionBrake,
  DeletionCounts,
  ProveBucket,
} from './ports';

export interface DeleterOptions {
  readonly rows: ArtifactRows;
  readonly objects: ArtifactObjects;
  readonly proveBucket: ProveBucket;
  readonly brake: DeletionBrake;
  readonly allowance: DeletionAllowance;
  readonly counts: DeletionCounts;
  readonly setAside: Pick<SetAside, 'add'>;
  readonly rowsMax: number;
  /** Reports in a group of its own, and commits there. */
  readonly dryRun: boolean;
  /** By a flag, now: reports, changes nothing, and keeps every record until the flag is unset. */
  readonly holdsDry: () => boolean;
  readonly clock: Clock;
  /** From 0 up to but not including 1. */
  readonly random: () => number;
  readonly logger: Logger;
  readonly reach: ReachStep;
}

export type ExpiredRecord = ConsumedRecord<ArtifactsExpired>;
type HandleExpired = (
  records: readonly ExpiredRecord[],
  signal: AbortSignal,
  mayBegin?: MayBegin,
) => Promise<readonly Outcome[]>;

/** A record that passed the brake, with its artifacts; or its outcome, if it has one already. */
type Taken = { readonly record: ExpiredRecord; readonly items: Item[] } | Outcome;

/** A statement that collided with another one is repeated so often, then the record waits. */
const repeatsMax = 5;
const repeatAfterMs = 20;
/** The longest wait for the deletion budget inside a micro-batch; then the record waits in the runtime. */
const allowanceWaitMaxMs = 5_000;
/** So many objects of a record are looked up, to distinguish a finished deletion from a wrong database. */
const sampledKeys = 5;

export function createHandler(options: DeleterOptions): HandleExpired {
  const reported = new Set<string>();
  return async function handleExpired(records, signal, mayBegin = () => true) {
    const startedMs = options.clock.nowMs();
    options.reach('deleter.records-taken');
    const taken = await takeAll(options, records);
    const items = taken.flatMap((one) => ('items' in one ? one.items : []));
    if (options.dryRun) return dryRun(options, taken, items);
    if (options.holdsDry()) return holdDry(options, records, items, reported);
    reported.clear();
    await options.objects.assertDeletes();
    const count = items.filter(({ fate }) => fate === 'undecided').length;
    await waitForAllowance(options, count, signal);
    const unbegun = await deleteRows(options, items, signal, mayBegin);
    options.reach('deleter.rows-deleted');
    const held = await lookUpMissing(options, taken, items);
    const claimed = await findClaimed(options.rows, items);
    options.reach('deleter.missing-looked-up');
    const { asked, failures } = await deleteObjects(options, items, claimed);
    options.reach('deleter.objects-deleted');
    // The brake logs a hold and the lane logs a retry: not once more at every try.
    if (items.some(({ fate }) => fate !== 'failed')) {
      report(options, { records: records.length, items, objects: asked, startedMs });
    }
    return taken.map((one) =>
      'items' in one
        ? outcomeOf(one, claimed, (failed) => held ?? unbegun ?? unfinished(failed, failures))
        : one,
    );
  };
}

async function takeAll(
  { brake, objects }: DeleterOptions,
  records: readonly ExpiredRecord[],
): Promise<Taken[]> {
  await brake.assertReleased();
  const taken: Taken[] = [];
  for (const record of records) {
    const { topic, partition, offset, timestampMs } = record;
    const { origin } = record.value;
    const verdict = await brake.judge({ origin, timestampMs, topic, partition, offset });
    if (verdict.kind === 'hold') taken.push(retry(new ForeignRecordError(verdict.reason)));
    else if (record.value.artifacts.length === 0) taken.push(skip('names no artifact'));
    else taken.push({ record, items: itemsOf(record.value, verdict, objects) });
  }
  return taken;
}

async function waitForAllowance(
  { allowance, clock }: DeleterOptions,
  count: number,
  signal: AbortSignal,
): Promise<void> {
  if (count === 0) return;
  let leftMs = allowanceWaitMaxMs;
  for (;;) {
    const waitMs = allowance.take(count, clock.nowMs());
    if (waitMs === 0) return;
    if (waitMs > leftMs) {
      throw new WaitError('The cap of deletions a minute is reached (DELETIONS_PER_MINUTE_MAX).');
    }
    leftMs -= waitMs;
    await clock.sleep(waitMs, signal);
  }
}

/** @returns why the rest was not begun: the objects of deleted rows are deleted all the same. */
async function deleteRows(
  options: DeleterOptions,
  items: readonly Item[],
  signal: AbortSignal,
  mayBegin: MayBegin,
): Promise<WaitError | undefined> {
  const statements = statementsOf(items, options.rowsMax);
  let unused = statements.reduce((sum, { length }) => sum + length, 0);
  let unbegun: WaitError | undefined;
  try {
    for (const statement of statements) {
      signal.throwIfAborted();
      if (unbegun || !mayBegin()) {
        unbegun ??= unproved();
        for (const item of statement) item.fate = 'failed';
        continue;
      }
      const deleted = new Set(await deleteRepeatedly(options, statement, signal));
      unused -= deleted.size;
      options.counts.rows('deleted', deleted.size);
      options.brake.absence.rememberDeleted(deleted);
      settleDeleted(statement, deleted);
    }
    return unbegun;
  } finally {
    options.allowance.giveBack(unused);
  }
}

/** A row that moves to another partition, a deadlock or a long lock ends the statement: it is repeated. */
async function deleteRepeatedly(
  { rows, clock }: DeleterOptions,
  statement: readonly Item[],
  signal: AbortSignal,
): Promise<readonly number[]> {
  const partitionId = statement[0]?.partitionId ?? 0;
  const artifacts = statement.map(({ artifact }) => artifact);
  for (let time = 1; ; time += 1) {
    try {
      return await rows.deleteDue(partitionId, artifacts);
    } catch (error) {
      const again = error instanceof PostgresError && error.failure === 'repeat';
      if (!again || time >= repeatsMax) throw error;
      await clock.sleep(repeatAfterMs * time, signal);
    }
  }
}

/** @returns why missing rows prove nothing, when there are too many of them. */
async function lookUpMissing(
  options: DeleterOptions,
  taken: readonly Taken[],
  items: readonly Item[],
): Promise<BrakeError | undefined> {
  const { rows, brake } = options;
  const missing = items.filter(({ fate }) => fate === 'undecided');
  if (missing.length > 0) {
    const ids = [...new Set(missing.map(({ artifact }) => artifact.id))];
    settleMissing(missing, new Set(await rows.findExisting(ids)));
  }
  const repeated: Item[] = [];
  for (const one of taken) {
    if (!('items' in one)) continue;
    const arrival = arrivalOf(one.record);
    if (arrival === 'repeated') repeated.push(...one.items);
    else await measureAbsence(options, arrival, one.items);
  }
  // A replay is long: its share is measured by the micro-batch.
  await measureAbsence(options, 'repeated', repeated);
  const reason = brake.absence.tooMany();
  if (reason === undefined) return undefined;
  brake.hold(reason);
  for (const item of items) if (item.fate === 'already-gone') item.fate = 'failed';
  return new BrakeError(reason);
}

/**
 * Sweep and change path may name the same artifact, and another instance may have been faster: then the object is gone
 * as well. In a wrong database the rows are missing while their objects all exist.
 * @throws S3Error when S3 is unavailable: then nothing is known about them.
 */
async function measureAbsence(
  { objects, brake: { absence }, random }: DeleterOptions,
  arrival: Arrival,
  items: readonly Item[],
): Promise<void> {
  const absent = unexplainedAbsences(items, (id) => absence.wasDeletedHere(id));
  const keys = sampleKeys(absent, sampledKeys, random);
  const stored = await Promise.all(keys.map((key) => mayBeStored(objects, key)));
  const share = stored.filter(Boolean).length / Math.max(1, keys.length);
  absence.add(arrival, countOf(items, 'deleted'), Math.round(absent.length * share));
}

/** True without the right to look objects up: that explains nothing. */
async function mayBeStored(objects: ArtifactObjects, key: string): Promise<boolean> {
  try {
    return (await objects.headObject(key)) !== null;
  } catch (error) {
    if (error instanceof S3Error && error.failure === 'refused') return true;
    throw error;
  }
}

async function dryRun(
  options: DeleterOptions,
  taken: readonly Taken[],
  items: readonly Item[],
): Promise<readonly Outcome[]> {
  await reportDue(options, taken.length, items);
  return taken.map((one) => ('items' in one ? skip('dry run') : one));
}
