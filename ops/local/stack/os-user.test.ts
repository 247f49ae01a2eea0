import { chooseDatabaseUser, mayEnter } from './os-user';

const passwd = [
  'root:x:0:0:root:/root:/bin/bash',
  'daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin',
  'nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin',
].join('\n');

it('runs PostgreSQL as its own user where there is one', () => {
  const text = `${passwd}\npostgres:x:101:104:PostgreSQL:/var/lib/postgresql:/bin/bash\n`;
  expect(chooseDatabaseUser(text)).toEqual({ name: 'postgres', uid: 101, gid: 104 });
});

it('takes the user that owns nothing else otherwise, and never root', () => {
  expect(chooseDatabaseUser(passwd)?.name).toBe('nobody');
  expect(chooseDatabaseUser('postgres:x:0:0::/:/bin/sh')).toBeUndefined();
});

it('knows which folder a user may pass through', () => {
  const user = { name: 'nobody', uid: 65_534, gid: 65_534 };
  const root = { uid: 0, gid: 0 };
  expect(mayEnter({ ...root, mode: 0o40755 }, user)).toBe(true);
  expect(mayEnter({ ...root, mode: 0o40700 }, user)).toBe(false);
  expect(mayEnter({ uid: 0, gid: 65_534, mode: 0o40710 }, user)).toBe(true);
  expect(mayEnter({ uid: 65_534, gid: 0, mode: 0o40077 }, user)).toBe(false);
});
