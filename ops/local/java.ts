/** Where the JDK's programs are. */
import { join } from 'node:path';

/** @returns the program below JAVA_HOME if that is set, else its bare name, found in PATH. */
export function javaTool(name: 'java' | 'keytool'): string {
  const home = process.env['JAVA_HOME'];
  return home === undefined || home === '' ? name : join(home, 'bin', name);
}
