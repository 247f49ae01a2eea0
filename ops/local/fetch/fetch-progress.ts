/** Shows how far the fetch of the servers is. */
import type { FetchProgress } from './fetch';
import { createPlainProgress, type Bar, type Progress } from '../../../lib/process/progress';
import { parts, type PartName } from './versions';

/** One bar for each part, since several are fetched at the same time. */
export function createFetchProgress(progress: Progress): FetchProgress {
  const bars = new Map<PartName, Bar>();
  return {
    begin(part) {
      const { title, version, amount, unit } = parts[part];
      bars.set(part, progress.bar(`fetching ${title} ${version}`, amount, unit));
    },
    advance: (part, done) => bars.get(part)?.update(done),
    end: (part, failed) => bars.get(part)?.finish(failed ? 'failed' : 'cached'),
  };
}

/** The same as plain lines, for a log. */
export const createFetchLines = (log: (line: string) => void): FetchProgress =>
  createFetchProgress(createPlainProgress(log));
