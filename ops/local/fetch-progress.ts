/** Tells the one who waits how far the fetch of the servers is. */
import type { FetchProgress } from './fetch';
import { parts } from './versions';

const everyMs = 2_000;

/** Plain lines: one when a part begins, one when it ends, and one every two seconds between. */
export function createFetchLines(
  log: (line: string) => void,
  nowMs: () => number = () => performance.now(),
): FetchProgress {
  const lastLineMs = new Map<string, number>();
  const describe = (part: keyof typeof parts): string =>
    `${parts[part].title} ${parts[part].version}`;
  return {
    begin(part) {
      lastLineMs.set(part, nowMs());
      log(`fetching ${describe(part)} (about ${parts[part].downloadMegabytes} MB), once`);
    },
    advance(part, megabytes, files) {
      if (nowMs() - (lastLineMs.get(part) ?? 0) < everyMs) return;
      lastLineMs.set(part, nowMs());
      const size = megabytes === 0 ? '' : `, ${megabytes.toFixed(0)} MB`;
      log(`fetching ${describe(part)}: ${files} items${size}`);
    },
    end(part, failed) {
      log(failed ? `${describe(part)} was not fetched` : `${describe(part)} is in the cache`);
    },
  };
}
