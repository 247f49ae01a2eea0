/** Records of `artifacts.expired` as the producer would write them, and some that it never would. */
import { Type } from 'avsc';
import { createCodec, type Codec } from '../../../lib/avro/codec';
import { createRegistry } from '../../../lib/avro/registry';
import { loadSchema } from '../../../lib/avro/schema-file';
import { topicNames } from '../../../lib/kafka/topics/topics';
import { systemClock } from '../../../lib/process/clock';
import type { ArtifactEntry } from '../../../ops/gitlab/ledger';
import type { ArtifactsExpired, ExpiredArtifact } from '../../../schemas/generated';
import { recordsOn } from './dead-letters';
import type { Scenario } from '../scenario/scenario';

type Columns = { readonly [Name in keyof ExpiredArtifact]: string | number | null };

const numbers = ['id', 'projectId', 'jobId', 'sizeBytes'] as const;

function asArtifact(row: Columns): ExpiredArtifact {
  const converted = numbers.map((name) => [name, row[name] === null ? null : Number(row[name])]);
  return { ...row, ...Object.fromEntries(converted) } as ExpiredArtifact;
}

export class ExpiredRecords {
  readonly #codec: Codec<ArtifactsExpired>;

  constructor(private readonly scenario: Scenario) {
    const registry = createRegistry({
      url: scenario.stack.addresses.registryUrl,
      clock: systemClock,
    });
    this.#codec = createCodec(registry, {
      subject: scenario.named(`${topicNames.artifactsExpired}-value`),
      schema: loadSchema(topicNames.artifactsExpired),
    });
  }

  /** The record that the sweep would write for one artifact now. */
  async of(artifact: ArtifactEntry): Promise<ArtifactsExpired> {
    const [row] = await this.scenario.sql<Columns>(
      `SELECT id, project_id AS "projectId", job_id AS "jobId",
         (created_at AT TIME ZONE 'UTC')::date - date '1970-01-01' AS "createdOnDays",
         file_type AS "fileType", file, file_store AS "fileStore",
         file_location AS "fileLocation", file_final_path AS "fileFinalPath", size AS "sizeBytes"
       FROM p_ci_job_artifacts WHERE id = $1`,
      [artifact.id],
    );
    if (!row) throw new Error(`Artifact ${artifact.id} has no row.`);
    const { database } = this.scenario.scope;
    const systemIdentifier =
      this.scenario.environment('deleter')['POSTGRES_SYSTEM_IDENTIFIER'] ?? '';
    const origin = { systemIdentifier, databaseName: database, timeline: 1, lsn: 1 };
    const { partitionId } = artifact;
    return { origin, source: 'sweep', partitionId, artifacts: [asArtifact(row)] };
  }

  encode(record: ArtifactsExpired): Promise<Buffer> {
    return this.#codec.encode(record);
  }

  /** How often the producers have named an artifact that they had named before. */
  async namedAgain(): Promise<number> {
    const records = await recordsOn(this.scenario, topicNames.artifactsExpired);
    const named = await Promise.all(
      records.map(async ({ value }) => (await this.#codec.decode(value)).artifacts),
    );
    const ids = named.flat().map(({ id }) => id);
    return ids.length - new Set(ids).size;
  }

  /** The record's bytes with the first artifact's id exchanged for one that no `number` can hold. */
  async withId(record: ArtifactsExpired, id: bigint): Promise<Buffer> {
    const [first] = record.artifacts;
    if (!first) throw new Error('The record names no artifact.');
    const stand = 4_503_599_627_370_001;
    const bytes = await this.encode({ ...record, artifacts: [{ ...first, id: stand }] });
    const sought = Type.forSchema('long').toBuffer(stand);
    const at = bytes.indexOf(sought);
    return Buffer.concat([bytes.subarray(0, at), zigzag(id), bytes.subarray(at + sought.length)]);
  }
}

/** Avro's long, for values beyond 2^53. */
function zigzag(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  do {
    const more = rest > 0x7fn ? 0x80 : 0;
    bytes.push(Number(rest & 0x7fn) | more);
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
}
