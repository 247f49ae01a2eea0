/** Looks up in the stores what has become of what a sample of records asked for. It only reads. */
import { createWriterDecoder } from '../../lib/avro/codec';
import { openRegistry } from '../../lib/avro/open-registry';
import { connectionSchema, loadConfig } from '../../lib/process/config';
import type { ProcessName } from '../../lib/process/processes';
import { sampleOffsets, type PartitionPlan } from '../../lib/replay/range';
import { findUnarchived } from '../../lib/stores/postgres/archived-builds';
import { PostgresArtifacts } from '../../lib/stores/postgres/artifacts';
import { readIdentity } from '../../lib/stores/postgres/identity';
import { PostgresPool, postgresSettings } from '../../lib/stores/postgres/pool';
import { postgresOf, reach } from '../reach';
import type { ReplaySession } from './session';

export interface Effects {
  /** Records that were read. */
  readonly sampled: number;
  /** Artifacts or builds that they name, and how many of those need nothing any more. */
  readonly named: number;
  readonly done: number;
  readonly lines: readonly string[];
}

const none = { sampled: 0, named: 0, done: 0 };
/** Enough for 24 whole records of 1,000 artifacts. */
const namedMax = 50_000;

/** A sample that cannot be looked up costs the plan its sentence, and nothing else. */
export async function lookUpEffects(
  session: ReplaySession,
  process: ProcessName,
  topic: string,
  taken: readonly PartitionPlan[],
  count: number,
): Promise<Effects> {
  if (count === 0 || taken.length === 0) return { ...none, lines: [] };
  try {
    return await lookUp(session, process, topic, taken, count);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { ...none, lines: [`what is done already was not looked up: ${why}`] };
  }
}

async function lookUp(
  { log, config }: ReplaySession,
  process: ProcessName,
  topic: string,
  taken: readonly PartitionPlan[],
  count: number,
): Promise<Effects> {
  const decode = createWriterDecoder<unknown>(openRegistry(config));
  const values: unknown[] = [];
  for (const { partition, offset } of sampleOffsets(taken, count)) {
    for await (const { value } of log.read({ topic, partition }, offset, offset + 1)) {
      if (value !== null) values.push(await Promise.resolve(decode(value)).catch(() => undefined));
    }
  }
  const read = values.flatMap(isArtifactWork(process) ? artifactsIn : buildsIn).slice(0, namedMax);
  const done = await countDone(process, read);
  const what = isArtifactWork(process) ? 'artifacts' : 'builds';
  const meaning = isArtifactWork(process)
    ? 'have no row any more'
    : 'have an archived trace, are erased or gone';
  const line = `of ${values.length} sampled records ${done} of ${read.length} ${what} ${meaning}: done`;
  const rest = `${read.length - done} would be judged again by what their rows say then`;
  return {
    ...{ sampled: values.length, named: read.length, done },
    lines: [done === read.length ? line : `${line}; ${rest}`],
  };
}

const isArtifactWork = (process: ProcessName): boolean =>
  process === 'artifact-deleter' || process === 'expired-artifacts';

interface Named {
  readonly id: number;
  readonly partitionId: number;
}

/** Of a record of `artifacts.expired`, or of a change of an artifact. */
function artifactsIn(value: unknown): Named[] {
  const { artifacts = [value], partitionId = 0 } = (value ?? {}) as {
    readonly artifacts?: readonly unknown[];
    readonly partitionId?: unknown;
  };
  return artifacts.flatMap((one) =>
    namedBy((one as { id?: unknown } | undefined)?.id, partitionId),
  );
}

/** Of a record of `builds.finished`, or of a change of a build. */
function buildsIn(value: unknown): Named[] {
  const {
    buildId,
    id,
    partitionId,
    partition_id: column,
  } = (value ?? {}) as Readonly<Record<string, unknown>>;
  return namedBy(buildId ?? id, partitionId ?? column);
}

const namedBy = (id: unknown, partitionId: unknown): Named[] =>
  Number.isSafeInteger(Number(id)) ? [{ id: Number(id), partitionId: Number(partitionId) }] : [];

async function countDone(process: ProcessName, read: readonly Named[]): Promise<number> {
  const config = loadConfig(databaseSchema, globalThis.process.env);
  const pool = new PostgresPool(postgresSettings(config, 'replay', { connectionsMax: 1 }));
  try {
    await reach(postgresOf(config), () => pool.withSession(readIdentity));
    if (isArtifactWork(process)) {
      const existing = new Set(
        await new PostgresArtifacts(pool).findExisting(read.map(({ id }) => id)),
      );
      return read.filter(({ id }) => !existing.has(id)).length;
    }
    return await countArchived(pool, read);
  } finally {
    await pool.close();
  }
}

async function countArchived(pool: PostgresPool, read: readonly Named[]): Promise<number> {
  let done = 0;
  for (const partitionId of new Set(read.map((one) => one.partitionId))) {
    const ids = read.filter((one) => one.partitionId === partitionId).map(({ id }) => id);
    const waiting = new Set(await findUnarchived(pool, partitionId, ids));
    done += ids.filter((id) => !waiting.has(id)).length;
  }
  return done;
}

const databaseSchema = connectionSchema.pick({
  CLEAR_TEXT_PASSWORDS: true,
  POSTGRES_HOST: true,
  POSTGRES_PORT: true,
  POSTGRES_DATABASE: true,
  POSTGRES_USER: true,
  POSTGRES_PASSWORD_FILE: true,
  POSTGRES_TLS_CA_FILE: true,
  START_LIMIT_MS: true,
});
