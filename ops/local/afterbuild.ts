/** `npm run afterbuild`: the commands, on this clone's running stack unless the environment names servers. */
import { findStack, wantsStack } from './find-stack';

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const found = findStack(args, process.env);
  if (found !== undefined) {
    console.error(`afterbuild: works on the servers that run in ${found.dataDir}`);
    Object.assign(process.env, found.environment);
  } else if (wantsStack(args, process.env)) {
    console.error(
      'afterbuild: no servers run in this clone. Start some with `npm start` or `npm run stack -- up`, name yours (.env.example), or, for servers that were started with --data DIR, set AFTERBUILD_STACK_FILE=DIR/stack.json.',
    );
  }
  await import('../../cli/main.js');
}

void main();
