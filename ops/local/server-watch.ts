/** Restarts servers of the demonstration that end by themselves, as a supervised machine would. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isRunning } from './stack/process-identity';
import { startServer } from './stack/running-stack';
import { serverNames, type ServerName } from './stack/server';
import { servers } from './stack/servers';
import { readStackFile } from './stack/stack-file';

const lookEveryMs = 2_000;

interface ServerWatch {
  readonly dataDir: string;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
  /** By default `startServer`. */
  readonly start?: typeof startServer;
  readonly everyMs?: number;
}

/** Recorded as running, and not running. A program that stops a server on purpose removes the record. */
function endedByThemselves(dataDir: string): readonly ServerName[] {
  const known = readStackFile(dataDir)?.servers ?? {};
  return serverNames.filter((name) => known[name] !== undefined && !isRunning(known[name]));
}

/**
 * Until the signal aborts. A server has to be missing at two checks in a row: just after a stop its record may not be
 * removed yet.
 * @throws ServerError when a server does not start any more.
 */
export async function watchServers(watch: ServerWatch): Promise<void> {
  const { dataDir, say, signal, start = startServer, everyMs = lookEveryMs } = watch;
  let suspected: readonly ServerName[] = [];
  while (!signal.aborted) {
    const missing = endedByThemselves(dataDir);
    for (const name of missing.filter((one) => suspected.includes(one))) {
      const place = readStackFile(dataDir)?.place;
      if (place === undefined) continue;
      await start(name, place, signal);
      say(`${servers[name].title} ended by itself and was started again`);
    }
    suspected = missing;
    await sleep(everyMs, undefined, { signal }).catch(() => undefined);
  }
}
