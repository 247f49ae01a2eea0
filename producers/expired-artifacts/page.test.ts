import fc from 'fast-check';
import { minusInfinity } from '../../lib/stores/postgres/instant';
import {
  compareCursors,
  cursorAtStart,
  nextRead,
  settlePage,
  type Cursor,
  type DueRead,
} from './page';

interface Row {
  readonly id: number;
  readonly expireAt: bigint;
  readonly jobId: number;
}

const nowUs = 50n;

/** Mimics the two statements of lib/stores/postgres/expired-artifacts.ts, on rows in memory. */
function read(rows: readonly Row[], asked: DueRead): Row[] {
  if (asked.kind === 'tie') {
    const group = rows
      .filter((row) => row.expireAt === asked.expireAt && row.jobId > (asked.jobId ?? -1n))
      .sort((a, b) => a.jobId - b.jobId);
    const last = group[asked.rowsMax - 1];
    return last === undefined ? group : group.filter((row) => row.jobId <= last.jobId);
  }
  const { expireAt, upTo } = asked;
  return rows
    .filter((row) => expireAt === null || row.expireAt > expireAt)
    .filter((row) => row.expireAt <= nowUs && (upTo === null || row.expireAt <= upTo))
    .sort((a, b) => Number(a.expireAt - b.expireAt))
    .slice(0, asked.rowsMax);
}

const rowsArbitrary = fc
  .array(
    fc.record({
      expireAt: fc.integer({ min: 0, max: 60 }),
      jobId: fc.integer({ min: 1, max: 9 }),
    }),
    { maxLength: 60 },
  )
  // Few distinct values: groups larger than a page are the rule.
  .chain((rows) =>
    fc.constantFrom(1, 3, 20).map((step) =>
      rows.map((row, id) => ({
        ...row,
        id,
        expireAt: BigInt(Math.floor(row.expireAt / step) * step),
      })),
    ),
  );

test('every due row is produced, with any ties, page size and crashes', () => {
  fc.assert(
    fc.property(
      rowsArbitrary,
      fc.integer({ min: 1, max: 7 }),
      fc.array(fc.constantFrom('goes on', 'crashes before', 'crashes between'), { maxLength: 40 }),
      (rows, pageRows, steps) => {
        const produced = new Set<number>();
        let written: Cursor = cursorAtStart;
        let inMemory: Cursor = written;
        for (let turn = 0; ; turn += 1) {
          expect(turn).toBeLessThan(500);
          const page = read(rows, nextRead(inMemory, pageRows));
          const settled = settlePage(inMemory, page, pageRows);
          const step = steps[turn] ?? 'goes on';
          if (step !== 'crashes before') for (const row of settled.kept) produced.add(row.id);
          if (step === 'goes on') {
            expect(compareCursors(settled.cursor, inMemory)).toBeGreaterThanOrEqual(0);
            written = settled.cursor;
            inMemory = settled.cursor;
            if (settled.caughtUp) break;
          } else {
            inMemory = written;
          }
        }
        const due = rows.filter((row) => row.expireAt <= nowUs).map(({ id }) => id);
        expect([...produced].sort((a, b) => a - b)).toEqual(due);
      },
    ),
  );
});

test('without a crash no row is produced twice', () => {
  fc.assert(
    fc.property(rowsArbitrary, fc.integer({ min: 1, max: 7 }), (rows, pageRows) => {
      const produced: number[] = [];
      let cursor = cursorAtStart;
      for (let caughtUp = false; !caughtUp;) {
        const settled = settlePage(cursor, read(rows, nextRead(cursor, pageRows)), pageRows);
        produced.push(...settled.kept.map(({ id }) => id));
        ({ cursor, caughtUp } = settled);
      }
      expect(new Set(produced).size).toBe(produced.length);
    }),
  );
});

test('a full sweep ends where the due sweep stands', () => {
  const rows = [1, 2, 3].map((at) => ({ id: at, expireAt: BigInt(at), jobId: at }));
  const asked = nextRead(cursorAtStart, 10, 2n);
  const settled = settlePage(cursorAtStart, read(rows, asked), 10);
  expect(settled.kept.map(({ id }) => id)).toEqual([1, 2]);
  expect(settled.caughtUp).toBe(true);
});

test('a page keeps nothing of the value that may be cut', () => {
  const rows = [1n, 2n, 2n].map((expireAt, id) => ({ id, expireAt, jobId: id }));
  const settled = settlePage(cursorAtStart, rows, 2);
  expect(settled.kept.map(({ id }) => id)).toEqual([0]);
  expect(settled.cursor).toEqual({ expireAt: 1n, tie: null });
});

test('a page of one value becomes a walk by job, and its end the watermark', () => {
  const rows = [1, 2, 3].map((jobId) => ({ id: jobId, expireAt: 5n, jobId }));
  const entered = settlePage(cursorAtStart, rows, 2);
  expect(entered).toEqual({
    kept: [],
    cursor: { expireAt: null, tie: { expireAt: 5n, jobId: null } },
    caughtUp: false,
  });
  const walked = settlePage(entered.cursor, rows.slice(0, 2), 2);
  expect(walked.cursor.tie).toEqual({ expireAt: 5n, jobId: 2n });
  const ended = settlePage(walked.cursor, rows.slice(2), 2);
  expect(ended.cursor).toEqual({ expireAt: 5n, tie: null });
});

test('cursors are ordered by watermark, then by their place in a group', () => {
  const inOrder: Cursor[] = [
    cursorAtStart,
    { expireAt: null, tie: { expireAt: minusInfinity, jobId: null } },
    { expireAt: null, tie: { expireAt: 5n, jobId: null } },
    { expireAt: null, tie: { expireAt: 5n, jobId: -7n } },
    { expireAt: null, tie: { expireAt: 5n, jobId: 1n } },
    { expireAt: null, tie: { expireAt: 6n, jobId: 1n } },
    { expireAt: minusInfinity, tie: null },
    { expireAt: 5n, tie: null },
    { expireAt: 6n, tie: null },
  ];
  for (const [at, cursor] of inOrder.entries()) {
    expect(compareCursors(cursor, cursor)).toBe(0);
    for (const later of inOrder.slice(at + 1))
      expect(compareCursors(later, cursor)).toBeGreaterThan(0);
  }
});
