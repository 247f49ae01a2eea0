/** Servers of the demonstration that end by themselves are started again, as on any machine that is looked after. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isRunning } from './stack/process-identity';
import { startServer } from './stack/running-stack';
import { serverNames, type ServerName } from './stack/server';
import { servers } from './stack/servers';
import { readStackFile } from './stack/stack-file';

const lookEveryMs = 2_000;

export interface ServerWatch {
  readonly dataDir: string;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
  /** By default `startServer`. */
  readonly start?: typeof startServer;
  readonly everyMs?: number;
}

/** What is written down as running and does not run. Whoever stops a server on purpose crosses it out. */
function endedByThemselves(dataDir: string): readonly ServerName[] {
  const known = readStackFile(dataDir)?.servers ?? {};
  return serverNames.filter((name) => known[name] !== undefined && !isRunning(known[name]));
}

/**
 * Until the signal aborts. One has to be missing at two looks in a row: a moment after its end it may still be
 * crossed out by whoever ended it.
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
