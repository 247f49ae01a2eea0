/** Runs the watchdog over its sources: one table of the database, its topic, the slot and the connector. */
import type { Clock } from '../process/clock';
import type { Logger } from '../process/logger';
import type { Troubles } from '../process/troubles';
import { within } from '../process/within';
import { readNewestRows } from '../stores/postgres/newest-rows';
import type { PostgresSession } from '../stores/postgres/pool';
import { ArrivalProbe } from './arrival-probe';
import { readCdcHealth } from './cdc-health';
import { createConnectClient } from './connect-client';
import type { ChangeTable } from './needed-tables';
import { Watchdog, type ObservedHealth } from './watchdog';

interface StreamSettings {
  readonly AFTERBUILD_NAMESPACE: string;
  readonly CONNECT_URL?: string | undefined;
  readonly CDC_CONNECTOR: string;
  readonly CDC_SLOT: string;
  readonly CDC_WATCH_MS: number;
}

interface StreamWatch {
  readonly settings: StreamSettings;
  readonly table: ChangeTable;
  readonly pool: PostgresSession;
  readonly topics: {
    ends(topic: string): Promise<readonly { readonly highWatermark: number }[]>;
  };
  /** One of the processes restarts failed tasks. */
  readonly restarts: boolean;
}

interface Watching {
  readonly requestRepair: (reason: string) => void;
  readonly troubles: Troubles;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onFatal: (error: Error) => void;
}

/** Watches until the signal aborts; resolves then. */
export type WatchStream = (watching: Watching, signal: AbortSignal) => Promise<void>;

const requestLimitMs = 5_000;

export function createStreamWatch(watch: StreamWatch): WatchStream {
  const { settings, table, restarts } = watch;
  const { CONNECT_URL: connectUrl, CDC_CONNECTOR: connector } = settings;
  return async ({ onFatal, ...parts }, signal) => {
    if (connectUrl === undefined) {
      parts.logger.warn(
        { event: 'cdc.unwatched' },
        'CONNECT_URL is not set: a gap in the changes is not seen',
      );
      return;
    }
    const watchdog = new Watchdog({
      ...parts,
      look: createLook(watch, connectUrl, parts.clock),
      probe: new ArrivalProbe(table.name, topicOf(watch)),
      restartFailed: restarts
        ? () => createConnectClient(connectUrl, requestLimitMs, signal).restartFailed(connector)
        : null,
      everyMs: settings.CDC_WATCH_MS,
    });
    try {
      await watchdog.run(signal);
    } catch (error) {
      if (!signal.aborted) onFatal(error instanceof Error ? error : new Error(String(error)));
    }
  };
}

const topicOf = ({ settings, table }: StreamWatch): string =>
  `${settings.AFTERBUILD_NAMESPACE}${table.topic}`;

/** The order matters: the slot first, then the topic, the rows last (arrival-probe.ts). */
function createLook(
  watch: StreamWatch,
  connectUrl: string,
  clock: Clock,
): (signal: AbortSignal) => Promise<ObservedHealth> {
  const { settings, table, pool } = watch;
  const { CDC_CONNECTOR: connector, CDC_SLOT: slot } = settings;
  let newestId: number | null = null;
  return async (signal) => {
    const chain = { connectUrl, connector, slot, pool, needs: [table], timeoutMs: requestLimitMs };
    const health = await readCdcHealth(chain, signal);
    const topicEnd = await endOf(watch, clock);
    const rows = await readNewestRows(pool, table.name, newestId);
    newestId = Math.max(newestId ?? -1, rows.newestId ?? -1);
    const { newRows, lsn, runningFrom, nextTransaction } = rows;
    const confirmedLsn = health.slot?.confirmedFlushLsn ?? null;
    return {
      ...health,
      transactions: { runningFrom, nextTransaction },
      arrivals: { confirmedLsn, topicEnd, newRows, lsn },
    };
  };
}

/** Other code reports an unavailable Kafka: here it only proves nothing. */
async function endOf(watch: StreamWatch, clock: Clock): Promise<number | null> {
  try {
    const ends = await within(clock, requestLimitMs, watch.topics.ends(topicOf(watch)), null);
    return ends === null ? null : ends.reduce((sum, { highWatermark }) => sum + highWatermark, 0);
  } catch {
    return null;
  }
}
