/** PostgreSQL refuses to run as root: finds the user that it runs as then, and whether that user can reach a folder. */
import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

export interface OsUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** Preferred first: PostgreSQL's own user where it exists, else the user that owns nothing. */
const candidates = ['postgres', 'nobody', '_postgres', 'daemon'];

/** @param passwd the text of `/etc/passwd`. */
export function chooseDatabaseUser(passwd: string): OsUser | undefined {
  const users = new Map<string, OsUser>();
  for (const line of passwd.split('\n')) {
    const [name, , uid, gid] = line.split(':');
    if (name === undefined || uid === undefined || gid === undefined) continue;
    if (Number(uid) > 0) users.set(name, { name, uid: Number(uid), gid: Number(gid) });
  }
  return candidates.map((name) => users.get(name)).find((user) => user !== undefined);
}

/**
 * The user that PostgreSQL's processes run as; undefined means: the user of this program.
 * @throws Error as root on a machine that has no unprivileged user at all.
 */
export function databaseUser(): OsUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const user = chooseDatabaseUser(readFileSync('/etc/passwd', 'utf8'));
  if (user !== undefined) return user;
  throw new Error(
    `PostgreSQL does not run as root, and none of the users ${candidates.join(', ')} exists; run as an ordinary user instead.`,
  );
}

interface FolderMode {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

export function mayEnter(folder: FolderMode, user: OsUser): boolean {
  if (folder.uid === user.uid) return (folder.mode & 0o100) !== 0;
  if (folder.gid === user.gid) return (folder.mode & 0o010) !== 0;
  return (folder.mode & 0o001) !== 0;
}

/** @returns the first folder on the way to `path` (itself included) that `user` may not enter. */
export function barredFolder(path: string, user: OsUser): string | undefined {
  const absolute = resolve(path);
  const parent = dirname(absolute);
  const above = parent === absolute ? undefined : barredFolder(parent, user);
  if (above !== undefined) return above;
  const stat = statSync(absolute, { throwIfNoEntry: false });
  return stat === undefined || mayEnter(stat, user) ? undefined : absolute;
}
