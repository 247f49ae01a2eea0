/** Makes the stack's own certificate authority and the certificate that its brokers share, with the JDK's keytool. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomically } from './data-folder';
import { javaTool } from '../fetch/java';
import { tlsFolder } from './kafka-access';
import { runCommand } from '../fetch/run-command';

const storePassword = (folder: string): string => join(folder, 'password');

/** Key and certificate of the brokers (PKCS12), and the file with its password. */
export const brokerKeyStore = (dataDir: string) => ({
  store: join(tlsFolder(dataDir), 'broker.p12'),
  passwordFile: storePassword(tlsFolder(dataDir)),
});

const lifeDays = '3650';

/** Safe to repeat: existing files stay, or clients that know the authority would be locked out. */
export async function ensureKafkaTls(dataDir: string): Promise<void> {
  const folder = tlsFolder(dataDir);
  if (existsSync(folder)) return;
  // Made beside, and renamed when complete: an interrupted start leaves no half of it.
  const draft = `${folder}.${process.pid}.new`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true, mode: 0o700 });
  writeFileAtomically(storePassword(draft), `${randomBytes(20).toString('hex')}\n`, 0o600);
  await makeCertificates(draft);
  renameSync(draft, folder);
}

async function makeCertificates(folder: string): Promise<void> {
  const file = (name: string): string => join(folder, name);
  const keytool = (...args: string[]): Promise<string> =>
    runCommand(javaTool('keytool'), args, { timeoutMs: 60_000 });
  const inStore = (store: string): string[] => [
    ...['-keystore', file(store), '-storetype', 'PKCS12'],
    ...['-storepass:file', storePassword(folder)],
  ];
  const newKey = ['-genkeypair', '-keyalg', 'EC', '-groupname', 'secp256r1', '-validity', lifeDays];
  const addresses = ['-ext', 'SAN=ip:127.0.0.1,dns:localhost'];
  await keytool(
    ...newKey,
    ...['-alias', 'authority', '-dname', 'CN=afterbuild local authority', '-ext', 'bc:c'],
    ...inStore('authority.p12'),
  );
  await keytool(
    ...['-exportcert', '-rfc', '-alias', 'authority', '-file', file('authority.pem')],
    ...inStore('authority.p12'),
  );
  await keytool(
    ...newKey,
    ...['-alias', 'broker', '-dname', 'CN=127.0.0.1', ...addresses],
    ...inStore('broker.p12'),
  );
  await keytool(
    ...['-certreq', '-alias', 'broker', '-file', file('broker.csr')],
    ...inStore('broker.p12'),
  );
  await keytool(
    ...['-gencert', '-rfc', '-alias', 'authority', '-validity', lifeDays, ...addresses],
    ...['-infile', file('broker.csr'), '-outfile', file('broker.pem')],
    ...inStore('authority.p12'),
  );
  for (const [alias, certificate] of [
    ['authority', 'authority.pem'],
    ['broker', 'broker.pem'],
  ] as const) {
    await keytool(
      ...['-importcert', '-noprompt', '-alias', alias, '-file', file(certificate)],
      ...inStore('broker.p12'),
    );
  }
}
