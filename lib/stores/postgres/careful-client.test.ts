import { createServer, type AddressInfo } from 'node:net';
import { PostgresPool } from './pool';

const authenticationCleartextPassword = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3]);

/** A server that asks for the password in clear text, and keeps what it receives. */
async function asking(
  host: string,
  clearTextPasswords: 'refuse' | 'allow',
): Promise<[string, unknown]> {
  let sent = '';
  const server = createServer((socket) => {
    socket.once('data', () => {
      socket.write(authenticationCleartextPassword);
      socket.on('data', (bytes) => {
        sent += bytes.toString('latin1');
        socket.destroy();
      });
    });
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  const pool = new PostgresPool({
    ...{ host, port: (server.address() as AddressInfo).port, database: 'd', user: 'u' },
    ...{ password: 'geheim', tlsCa: undefined, applicationName: 'test', connectionsMax: 1 },
    ...{ connectTimeoutMs: 5_000, statementTimeoutMs: 5_000, lockTimeoutMs: 5_000 },
    ...{ planCacheMode: 'auto', clearTextPasswords },
  });
  const error: unknown = await pool
    .query({ name: 'ask', text: 'SELECT 1' })
    .catch((thrown: unknown) => thrown);
  await pool.close();
  await new Promise((resolve) => server.close(resolve));
  return [sent, error];
}

test('a password that is asked for in clear text is not sent to another machine', async () => {
  // An address of this machine that is not written as one: a name in DNS looks like that.
  const [sent, error] = await asking('0.0.0.0', 'refuse');
  expect(sent).not.toContain('geheim');
  expect(error).toMatchObject({ name: 'ConfigError' });
  expect(String(error)).toMatch(/POSTGRES_TLS_CA_FILE.*CLEAR_TEXT_PASSWORDS=allow/);
});

test.each<[string, 'refuse' | 'allow']>([
  ['127.0.0.1', 'refuse'],
  ['0.0.0.0', 'allow'],
])('it is sent to %s when it is %s', async (host, passwords) => {
  const [sent] = await asking(host, passwords);
  expect(sent).toContain('geheim');
});
