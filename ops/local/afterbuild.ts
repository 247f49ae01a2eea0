/** `npm run afterbuild`: the commands, on the stack that runs in this clone unless the environment names servers. */
import { findStack } from './find-stack';

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const found = findStack(args, process.env);
  if (found !== undefined) {
    console.error(`afterbuild: works on the servers that run in ${found.dataDir}`);
    Object.assign(process.env, found.environment);
  }
  await import('../../cli/main.js');
}

void main();
