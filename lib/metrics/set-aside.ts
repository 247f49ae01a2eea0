/**
 * Rows that this process cannot handle: each is logged once, counted, and shown by `afterbuild status` for as long as
 * it is met again. Other rows go on.
 */
import type { Metrics } from './metrics';
import type { Clock } from '../process/clock';
import type { Logger } from '../process/logger';

export interface OddRow {
  readonly table: 'p_ci_job_artifacts' | 'p_ci_builds' | 'ci_build_trace_chunks';
  /** `<partition_id>:<id>`. */
  readonly id: string;
  /** The column that makes it impossible. */
  readonly field: string;
  /** Why, after the field's name: `lies outside the years 1 to 9999`. Never holds the value. */
  readonly reason: string;
}

/** Rows of one table that one field makes impossible. */
export interface OddRows {
  readonly table: string;
  readonly field: string;
  readonly count: number;
  /** Some of them. */
  readonly ids: readonly string[];
}

export interface SetAside {
  add(row: OddRow): void;
  readonly current: readonly OddRows[];
}

const rowsKept = 1_000;
const idsShown = 5;
/** The daily full sweep meets a row again; a row that two of them have not met is repaired, or gone. */
const keptForMs = 2 * 24 * 3_600_000;

export class SetAsideRows implements SetAside {
  readonly #rows = new Map<string, { readonly row: OddRow; lastSeenMs: number }>();

  constructor(
    private readonly parts: {
      readonly clock: Clock;
      readonly logger: Logger;
      readonly metrics: Pick<Metrics, 'add'>;
    },
  ) {}

  add(row: OddRow): void {
    const { clock, logger, metrics } = this.parts;
    const { table, id, field, reason } = row;
    const key = `${table} ${id} ${field}`;
    const known = this.#rows.get(key);
    if (known !== undefined) {
      known.lastSeenMs = clock.nowMs();
      return;
    }
    this.#rows.set(key, { row, lastSeenMs: clock.nowMs() });
    this.#forgetOldest();
    metrics.add('afterbuild_rows_set_aside_total', { table, field });
    const fields = { event: 'row.set-aside', table, id, field };
    logger.warn(fields, `a row is left as it is, the others go on: its ${field} ${reason}`);
  }

  get current(): readonly OddRows[] {
    const sinceMs = this.parts.clock.nowMs() - keptForMs;
    const recent = [...this.#rows.values()].filter(({ lastSeenMs }) => lastSeenMs >= sinceMs);
    const groups = Map.groupBy(recent, ({ row }) => `${row.table} ${row.field}`);
    return [...groups.values()].flatMap(([first, ...rest]) => {
      if (first === undefined) return [];
      const { table, field } = first.row;
      const ids = [first, ...rest].slice(0, idsShown).map(({ row }) => row.id);
      return [{ table, field, count: rest.length + 1, ids }];
    });
  }

  #forgetOldest(): void {
    if (this.#rows.size <= rowsKept) return;
    for (const oldest of this.#rows.keys()) {
      this.#rows.delete(oldest);
      return;
    }
  }
}
