/**
 * Copies of the database's data folder, and their uses: a standby beside the server, or the copy in the server's place.
 * The stack has no pg_basebackup, so this implements its protocol.
 */
import { mkdtempSync, readdirSync, rmSync, writeFileSync, chownSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../../../ops/local/fetch/run-command';
import type { RunningStack } from '../../../ops/local/stack/running-stack';
import type { Place } from '../../../ops/local/stack/server';
import { awaitReady, launchServer, stopServer } from '../../../ops/local/stack/server-process';
import { servers } from '../../../ops/local/stack/servers';
import { anotherPort } from './own-database';
import { asSuperuser, placeOf, superuserConfig } from './stack';
import { until } from '../until';

const copyMs = 120_000;
/** Of the running server alone; slots are never part of a base backup. */
const notCopied = ['postmaster.pid', 'postmaster.opts', 'pg_replslot', 'pg_wal'];

/** Keeps owner and rights: PostgreSQL refuses a folder that is not its own. */
const copyFolder = (from: string, to: string): Promise<string> =>
  runCommand('cp', ['-a', `${from}/.`, to], { timeoutMs: copyMs });

/** One copy of the data folder, in a folder of its own that PostgreSQL's user may enter. */
export class DatabaseCopy {
  private readonly parent = mkdtempSync(join(tmpdir(), 'afterbuild-copy-'));
  readonly dir = join(this.parent, 'postgres');
  private readonly place: Place;

  constructor(private readonly stack: RunningStack) {
    this.place = placeOf(stack);
  }

  /** The mistake of a careless operator: stops the server, copies its folder, starts it again. */
  async takeCold(): Promise<void> {
    const { postgres } = this.stack.servers;
    await postgres.stop();
    await this.begin();
    await copyFolder(this.place.postgresDir, this.dir);
    await postgres.start();
  }

  /** A base backup of the running server, with the log that it needs. */
  async takeHot(): Promise<void> {
    const { postgresDir: source } = this.place;
    await this.begin();
    const label = await asSuperuser(this.stack, 'postgres', async (client) => {
      await client.query("SELECT pg_backup_start('afterbuild', fast => true)");
      // The log is still being written and recycled; it follows when its end is known.
      await this.copyHere(readdirSync(source).filter((name) => !notCopied.includes(name)));
      const { rows } = await client.query<{ labelfile: string }>(
        'SELECT labelfile FROM pg_backup_stop(wait_for_archive => false)',
      );
      return rows[0]?.labelfile ?? '';
    });
    await this.copyHere(['pg_wal']);
    await this.makeFolder(join(this.dir, 'pg_replslot'));
    this.write('backup_label', label);
  }

  /** Recovers to the end of its log when it is started, and begins a new timeline. */
  recoverAtStart(): void {
    this.write('recovery.signal', '');
    this.configure("restore_command = 'false'"); // all that is needed is in pg_wal
  }

  /** Ends the server's history, so only for an own server: the copy takes its folder, under the same port. */
  async takeThePlace(): Promise<void> {
    const { postgres } = this.stack.servers;
    await postgres.stop();
    const names = readdirSync(this.place.postgresDir);
    for (const name of names) {
      rmSync(join(this.place.postgresDir, name), { recursive: true, force: true });
    }
    await copyFolder(this.dir, this.place.postgresDir);
    await postgres.start();
    await until('the copy has recovered', () =>
      asSuperuser(this.stack, 'postgres', async (client) => {
        const { rowCount } = await client.query('SELECT WHERE NOT pg_is_in_recovery()');
        return rowCount === 1;
      }),
    );
  }

  /**
   * Runs the copy as a standby on a port of its own while `work` lasts.
   * @param lag 'follows' streams from the server; 'lags' stays where the backup ended.
   */
  async asStandby(lag: 'follows' | 'lags', work: (port: number) => Promise<void>): Promise<void> {
    const port = await anotherPort();
    const { dir: postgresDir, place } = this;
    this.write('standby.signal', '');
    if (lag === 'follows') this.configure(`primary_conninfo = '${this.primary()}'`);
    const standby: Place = { ...place, postgresDir, ports: { ...place.ports, postgres: port } };
    const identity = await launchServer('postgres', servers.postgres, standby);
    try {
      await awaitReady('postgres', servers.postgres, standby, identity);
      await work(port);
    } finally {
      await stopServer(servers.postgres, identity);
    }
  }

  remove(): void {
    rmSync(this.parent, { recursive: true, force: true });
  }

  private async copyHere(names: readonly string[]): Promise<void> {
    const paths = names.map((name) => join(this.place.postgresDir, name));
    await runCommand('cp', ['-a', ...paths, this.dir], { timeoutMs: copyMs });
  }

  private async begin(): Promise<void> {
    this.own(this.parent);
    await this.makeFolder(this.dir);
  }

  private async makeFolder(path: string): Promise<void> {
    await runCommand('mkdir', ['-m', '700', path], { timeoutMs: copyMs });
    this.own(path);
  }

  private write(name: string, text: string): void {
    const path = join(this.dir, name);
    writeFileSync(path, text, { mode: 0o600, flag: 'a' });
    this.own(path);
  }

  /** postgresql.conf is the stack's; this file is read after it. */
  private configure(line: string): void {
    this.write('postgresql.auto.conf', `${line}\n`);
  }

  private own(path: string): void {
    const { databaseUser: user } = this.place;
    if (user) chownSync(path, user.uid, user.gid);
  }

  private primary(): string {
    const { host, port, user, password } = superuserConfig(this.stack);
    return `host=${host} port=${port} user=${user} password=${String(password)}`;
  }
}
