/** A source database of its own for one test file, and single rows in it. */
import { Client, type ClientConfig } from 'pg';
import {
  applySourceSchema,
  dropSourceDatabase,
  type SourcePasswords,
} from '../../../ops/gitlab/schema';
import { asSuperuser, currentStack, sourcePasswords, superuserConfig } from './stack';

const insertPipeline = `INSERT INTO p_ci_pipelines (partition_id, project_id) VALUES ($1, 1)
  RETURNING id`;
const insertBuild = `INSERT INTO p_ci_builds (partition_id, project_id, commit_id) VALUES ($1, 1, $2)
  RETURNING id`;
const insertArtifact = `INSERT INTO p_ci_job_artifacts
    (id, partition_id, project_id, job_id, file_type, created_at, updated_at)
  VALUES ($1, $2, 1, $3, 1, now(), now()) RETURNING id`;

export class SourceDatabase {
  private readonly stack = currentStack();
  private readonly admin = superuserConfig(this.stack);
  private readonly passwords = sourcePasswords(this.stack);
  readonly name: string;

  constructor(prefix: string) {
    this.name = `${prefix}_${process.pid}`;
  }

  async apply(): Promise<void> {
    await applySourceSchema(this.admin, { database: this.name, passwords: this.passwords });
  }

  async drop(): Promise<void> {
    await dropSourceDatabase(this.admin, this.name);
  }

  async connect(role: keyof SourcePasswords, more: ClientConfig = {}): Promise<Client> {
    const password = this.passwords[role];
    const own = { user: role, password, database: this.name };
    const client = new Client({ ...this.admin, ...own, ...more });
    await client.connect();
    return client;
  }

  async asSuperuser<T>(work: (client: Client) => Promise<T>): Promise<T> {
    return asSuperuser(this.stack, this.name, work);
  }

  /** A pipeline, a build and its artifact; the trigger assigns the id, even if another one is given. */
  async anArtifact(owner: Client, partitionId: number, id: number | null): Promise<number> {
    const pipeline = await owner.query<{ id: string }>(insertPipeline, [partitionId]);
    const place = [partitionId, pipeline.rows[0]!.id];
    const build = await owner.query<{ id: string }>(insertBuild, place);
    const values = [id, partitionId, build.rows[0]!.id];
    const artifact = await owner.query<{ id: string }>(insertArtifact, values);
    return Number(artifact.rows[0]!.id);
  }
}
