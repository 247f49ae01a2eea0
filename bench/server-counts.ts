/** How many statements the archiver's role sends to PostgreSQL, read out of the server's own log. */
import { readFileSync } from 'node:fs';
import type { RunningStack } from '../ops/local/stack/running-stack';
import { asSuperuser } from './bench-source';

const role = 'afterbuild_archiver';

/** From each connection that is made from now on. */
export async function logStatements(stack: RunningStack, database: string): Promise<void> {
  await asSuperuser(stack, database, async (client) => {
    for (const setting of [`log_statement = 'all'`, 'log_parameter_max_length = 0']) {
      await client.query(`ALTER ROLE ${role} IN DATABASE ${database} SET ${setting}`);
    }
  });
}

/** Since then, BEGIN, COMMIT and the checks of a new connection included. */
export function countStatements(stack: RunningStack, database: string): number {
  const line = new RegExp(` ${role}@${database} LOG: +(execute|statement)`);
  const log = readFileSync(stack.servers.postgres.logFile, 'utf8');
  return log.split('\n').filter((text) => line.test(text)).length;
}
