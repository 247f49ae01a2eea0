/**
 * The context of one scenario: a database, a bucket, topics and a slot of its own, in the stack that all share;
 * processes run as a user runs them; and an end that no scenario can leave out.
 *
 * At the end every scenario is checked for two things without asking for them: the invariants hold in the stores, and
 * no process printed an error that was not announced.
 */
import { createHash } from 'node:crypto';
import type { Admin, Kafka } from 'kafkajs';
import { CreateBucketCommand, PutBucketTaggingCommand, type S3Client } from '@aws-sdk/client-s3';
import { loadConfig, connectionSchema } from '../../../lib/process/config';
import { createLogger } from '../../../lib/process/logger';
import { createKafka } from '../../../lib/kafka/kafkajs/create-kafka';
import { createTopicAdmin, type TopicAdmin } from '../../../lib/kafka/topics/admin';
import { cloneSourceDatabase, dropSourceDatabase } from '../../../ops/gitlab/schema';
import { MemoryLedger, type ArtifactEntry } from '../../../ops/gitlab/ledger';
import { watchTraces, type TraceWatch } from '../../../ops/gitlab/traces/live-reader';
import { S3GitlabObjects } from '../../../ops/gitlab/objects';
import type { SmallGitlab } from '../../../ops/gitlab/small-gitlab';
import { TraceWorld } from '../../../ops/gitlab/traces/trace-world';
import { verify } from '../../../ops/gitlab/verify';
import { World } from '../../../ops/gitlab/world';
import { connectS3 } from '../../../ops/local/connected-gitlab';
import { grantRights } from '../../../ops/local/stack/grant-rights';
import type { Login } from '../../../ops/local/stack/kafka-access';
import {
  stackEnvironment,
  type DatabaseRole,
  type StackScope,
} from '../../../ops/local/stack/stack-environment';
import type { RunningStack } from '../../../ops/local/stack/running-stack';
import { connectPool, connectRedis } from '../stack/connections';
import { runAll } from './run-all';
import { claimRedisDatabase, releaseRedisDatabase } from '../stack/redis-database';
import { keepLogs } from './keep-logs';
import { processes, type ProcessName } from '../../../lib/process/processes';
import { quick } from './pipeline-process';
import { RunningProcess } from './running-process';
import {
  asSuperuser,
  bringUp,
  currentStack,
  placeOf,
  superuserConfig,
  templateDatabase,
} from '../stack/stack';
import { dropConnector, dropSlot, dropTopics } from './drop-resources';
import { unexpectedExit, unexpectedLines } from './unexpected';
import { none, until } from '../until';

export class Scenario {
  readonly scope: StackScope;
  readonly slot: string;
  readonly ledger = new MemoryLedger();
  readonly processes: RunningProcess[] = [];
  readonly gitlab: SmallGitlab;
  readonly world: World;
  readonly traces: TraceWorld;
  readonly kafka: Kafka;
  readonly topics: TopicAdmin;
  readonly s3: S3Client;
  private readonly allowed: RegExp[] = [];
  private readonly commands: RunningProcess[] = [];
  private redisDatabase = 0;
  /** A test that ran out of time goes on behind the end: a process that it starts then would never be stopped. */
  private isOver = false;
  private watch: TraceWatch | undefined;

  constructor(
    name: string,
    readonly stack: RunningStack = currentStack(),
  ) {
    const unique = `${name}${process.pid}${Date.now()}`;
    const id = `t${createHash('sha256').update(unique).digest('hex').slice(0, 10)}`;
    this.slot = id;
    this.scope = {
      database: id,
      bucket: id,
      bucketTag: `afterbuild=${id}`,
      namespace: `${id}.`,
    };
    this.s3 = connectS3(this.stack);
    this.gitlab = {
      pool: connectPool(this.stack, id),
      objects: new S3GitlabObjects(this.s3, id),
      redis: connectRedis(this.stack),
      ledger: this.ledger,
    };
    this.world = new World(this.gitlab);
    this.traces = new TraceWorld(this.world);
    const config = loadConfig(connectionSchema, this.environment('reader', 'admin'));
    this.kafka = createKafka(config, 'scenario', createLogger('scenario', 'error'));
    this.topics = createTopicAdmin(this.kafka, { namespace: `${id}.` });
  }

  /** The variables with which a process of the pipeline finds the stores of this scenario. */
  environment(role: DatabaseRole, login: Login = 'operator'): Record<string, string> {
    return {
      ...stackEnvironment(this.stack, role, this.scope, login),
      REDIS_DB: String(this.redisDatabase),
      CDC_SLOT: this.slot,
      CDC_CONNECTOR: this.slot,
    };
  }

  async prepare(): Promise<void> {
    await bringUp(this.stack);
    this.redisDatabase = await claimRedisDatabase(this.gitlab.redis, this.scope.database);
    await cloneSourceDatabase(superuserConfig(this.stack), {
      template: templateDatabase,
      database: this.scope.database,
    });
    const [Key, Value] = this.scope.bucketTag.split('=') as [string, string];
    await this.s3.send(new CreateBucketCommand({ Bucket: this.scope.bucket }));
    await this.s3.send(
      new PutBucketTaggingCommand({
        Bucket: this.scope.bucket,
        Tagging: { TagSet: [{ Key, Value }] },
      }),
    );
    await grantRights(placeOf(this.stack), this.named(''));
    await this.topics.connect();
    await this.topics.apply();
    await this.command(['schemas', 'register']);
    this.watch = watchTraces({ ...this.gitlab, ledger: this.ledger }, { everyMs: 50 });
  }

  /** Streams changes through Debezium, as in production. */
  async stream(): Promise<void> {
    await this.command(['connect', 'apply'], 'cdc');
  }

  /** A slot without a connector, for scenarios in which no change event is wanted. */
  async slotOnly(): Promise<void> {
    await asSuperuser(this.stack, this.scope.database, (client) =>
      client.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [this.slot]),
    );
  }

  /** Runs an `afterbuild` command to its end. @throws Error with its output when it ends otherwise. */
  async command(
    args: readonly string[],
    role: DatabaseRole = 'reader',
    code = 0,
    settings: Readonly<Record<string, string>> = {},
  ): Promise<RunningProcess> {
    const process = this.startCommand(args, settings, role);
    const exit = await process.exited;
    if (exit.code !== code) throw new Error(`${process.name} failed:\n${process.tail()}`);
    return process;
  }

  /** The same without waiting for its end. */
  startCommand(
    args: readonly string[],
    settings: Readonly<Record<string, string>> = {},
    role: DatabaseRole = 'reader',
  ): RunningProcess {
    const process = this.start(args.join(' '), args, { ...this.environment(role), ...settings });
    this.commands.push(process);
    return process;
  }

  /** Starts a process of the pipeline; at the end it is stopped, and its log checked. */
  run(name: ProcessName, settings: Readonly<Record<string, string>> = {}): RunningProcess {
    const own = this.environment(processes[name].role, name);
    const process = this.start(name, ['run', name], { ...own, ...quick, ...settings });
    this.processes.push(process);
    return process;
  }

  /** Announces an error that the scenario provokes; any other one fails it. */
  expectError(pattern: RegExp): void {
    this.allowed.push(pattern);
  }

  async sql<Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> {
    const { rows } = await this.gitlab.pool.query<Row>(text, values);
    return rows;
  }

  /** Which of the artifacts still have their row. */
  async rowsOf(artifacts: readonly ArtifactEntry[]): Promise<number[]> {
    const rows = await this.sql<{ id: string }>(
      'SELECT id FROM p_ci_job_artifacts WHERE id = ANY($1) ORDER BY id',
      [artifacts.map(({ id }) => id)],
    );
    return rows.map(({ id }) => Number(id));
  }

  /** Which of the artifacts still have their object; artifacts that never had one are left out. */
  async objectsOf(artifacts: readonly ArtifactEntry[]): Promise<string[]> {
    const keys = artifacts.flatMap(({ key }) => (key === null ? [] : [key]));
    const listed = new Set<string>();
    for await (const page of this.gitlab.objects.list()) {
      for (const { key } of page) listed.add(key);
    }
    return keys.filter((key) => listed.has(key));
  }

  /** Waits until neither row nor object is left of any of them. */
  async gone(artifacts: readonly ArtifactEntry[], deadlineMs = 60_000): Promise<void> {
    const rows = async () => none('rows', await this.rowsOf(artifacts));
    await until(`the rows of ${artifacts.length} artifacts are gone`, rows, deadlineMs);
    const objects = async () => none('objects', await this.objectsOf(artifacts));
    await until(`the objects of ${artifacts.length} artifacts are gone`, objects, deadlineMs);
  }

  /** Every one of them has its row, and its object if it ever had one. */
  async expectKept(artifacts: readonly ArtifactEntry[]): Promise<void> {
    expect(await this.rowsOf(artifacts)).toEqual(
      artifacts.map(({ id }) => id).sort((a, b) => a - b),
    );
    const withObject = artifacts.filter(({ key }) => key !== null);
    expect(await this.objectsOf(withObject)).toHaveLength(withObject.length);
  }

  /** Of a topic or a group. */
  named = (name: string): string => `${this.scope.namespace ?? ''}${name}`;

  /** How many records of the topic the group has not committed. */
  async behind(group: string, topic: string): Promise<number> {
    const lag = await this.topics.lag(this.named(group), this.named(topic));
    return lag.reduce((sum, { records }) => sum + records, 0);
  }

  /** Waits until the group has committed every record of the topic. */
  async caughtUp(group: string, topic: string, deadlineMs = 60_000): Promise<void> {
    const isDone = async () => (await this.behind(group, topic)) === 0;
    await until(`${group} has handled all of ${topic}`, isDone, deadlineMs);
  }

  /** For actions of an operator's tools only: offsets set by hand, topics created anew. */
  async asOperator<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = this.kafka.admin();
    await admin.connect();
    try {
      return await work(admin);
    } finally {
      await admin.disconnect();
    }
  }

  /**
   * Where an archiver has run, no finished build may keep its chunks, except those that `mayStay` names.
   * @throws Error with every break that the stores, the ledger or the reader of live traces show.
   */
  async checkInvariants(): Promise<void> {
    const watched = await this.watch?.stop();
    const archives = this.processes.some(({ name }) => name === 'trace-archiver');
    const stores = { ...this.gitlab, ledger: this.ledger };
    const { breaks } = await verify(stores, { traces: archives ? 'archived' : 'may-wait' });
    const broken = [...breaks, ...(watched?.violations ?? [])];
    if (broken.length === 0) return;
    throw new Error(`invariants broken: ${JSON.stringify(broken, undefined, 2)}`);
  }

  /** Stops the running processes and fails on errors that were not announced. */
  async finish(): Promise<void> {
    this.isOver = true;
    for (const command of this.commands) if (!command.exit) command.kill('SIGKILL');
    const ends = await Promise.allSettled(this.processes.map((process) => process.stop()));
    keepLogs(this.scope.database, this.processes);
    const problems = this.processes.flatMap((process, index) => {
      const end = ends[index];
      const late = end?.status === 'rejected' ? [String(end.reason)] : [];
      return [...late, ...unexpectedLines(process, this.allowed), ...unexpectedExit(process)];
    });
    if (problems.length > 0) throw new Error(`unexpected:\n${problems.join('\n')}`);
  }

  /** Removes everything that `prepare` made; the next scenario gets the stack unchanged. */
  async clean(): Promise<void> {
    await runAll([
      () => this.watch?.stop(),
      () => this.gitlab.pool.end(),
      () => this.dropRedisDatabase(),
      () => dropConnector(this.stack, this.slot),
      () => dropSlot(this.stack, this.slot),
      () => dropSourceDatabase(superuserConfig(this.stack), this.scope.database),
      () => this.asOperator((admin) => dropTopics(admin, this.named(''))),
      () => this.topics.disconnect(),
      () => this.s3.destroy(),
    ]);
  }

  private async dropRedisDatabase(): Promise<void> {
    const { redis } = this.gitlab;
    try {
      if (this.redisDatabase > 0) await releaseRedisDatabase(redis, this.redisDatabase);
    } finally {
      redis.disconnect();
    }
  }

  private start(...what: ConstructorParameters<typeof RunningProcess>): RunningProcess {
    if (this.isOver) throw new Error(`the scenario is over: ${what[0]} is not started any more`);
    return new RunningProcess(...what);
  }
}
