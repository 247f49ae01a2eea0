/** Finds the JDK's programs. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** @returns the program below JAVA_HOME if that is set, else its bare name, found in PATH. */
export function javaTool(name: 'java' | 'keytool'): string {
  const home = process.env['JAVA_HOME'];
  return home === undefined || home === '' ? name : join(home, 'bin', name);
}

const installedJdks = '/usr/lib/jvm';

function majorOf(java: string): number {
  const { stdout, stderr } = spawnSync(java, ['-version'], { encoding: 'utf8', timeout: 30_000 });
  return Number(/version "(\d+)/.exec(`${stdout}${stderr}`)?.[1] ?? 0);
}

/**
 * For servers that need a newer Java than the rest of the stack.
 * @returns the first that is new enough of JAVA_HOME, PATH and the JDKs below /usr/lib/jvm.
 * @throws Error that lists the required version and the searched places.
 */
export function javaOfAtLeast(major: number): string {
  const installed = existsSync(installedJdks) ? readdirSync(installedJdks).toSorted() : [];
  const candidates = [
    javaTool('java'),
    ...installed.map((name) => join(installedJdks, name, 'bin/java')).filter(existsSync),
  ];
  const java = candidates.find((candidate) => majorOf(candidate) >= major);
  if (java !== undefined) return java;
  throw new Error(
    `A JDK ${major} or newer is needed; there is none in JAVA_HOME, PATH or ${installedJdks}.`,
  );
}
