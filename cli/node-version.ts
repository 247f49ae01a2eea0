/** Imported first: an old Node ends with a sentence here, where the client libraries would print a stack trace. */
import { exitCodes } from './exit-codes';

/** The release that package.json pins; zstd, which the topics use, came with 22.15. */
const majorWanted = 24;

const major = Number(process.versions.node.split('.')[0]);
if (major < majorWanted) {
  process.stderr.write(
    `afterbuild needs Node ${majorWanted} and this is ${process.version}: ` +
      'run it as `npm run afterbuild -- …`, which brings its own.\n',
  );
  // Everything imported after this needs that Node, so there is no later moment to stop in order.
  process.exit(exitCodes.configuration);
}
