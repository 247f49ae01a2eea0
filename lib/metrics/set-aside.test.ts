import { listeningLogger, SteppedClock } from '../../test/support/records/expired-artifacts';
import { SetAsideRows, type OddRow } from './set-aside';

const row = (id: string, field = 'created_at'): OddRow => ({
  ...{ table: 'p_ci_job_artifacts', id, field },
  reason: 'lies outside the years 1 to 9999',
});

function setUp() {
  const clock = new SteppedClock();
  const { logger, said } = listeningLogger();
  const counted: object[] = [];
  const metrics = { add: (_: string, labels: object) => void counted.push(labels) };
  return { aside: new SetAsideRows({ clock, logger, metrics }), clock, said, counted };
}

test('a row is named and counted once, and shown by its field with some of its fellows', () => {
  const { aside, said, counted } = setUp();
  for (const id of ['100:1', '100:2', '100:1', '100:3', '100:4', '100:5', '100:6']) {
    aside.add(row(id));
  }
  aside.add(row('100:1', 'job_id'));
  expect(said).toHaveLength(7);
  expect(counted).toHaveLength(7);
  const table = 'p_ci_job_artifacts';
  expect(aside.current).toEqual([
    { table, field: 'created_at', count: 6, ids: ['100:1', '100:2', '100:3', '100:4', '100:5'] },
    { table, field: 'job_id', count: 1, ids: ['100:1'] },
  ]);
});

test('what is not met again for two days is mended, or gone', () => {
  const { aside, clock } = setUp();
  aside.add(row('100:1'));
  clock.ms += 36 * 3_600_000;
  aside.add(row('100:2'));
  clock.ms += 13 * 3_600_000;
  expect(aside.current).toMatchObject([{ count: 1, ids: ['100:2'] }]);
});

test('memory is bounded: beyond a thousand the oldest is forgotten', () => {
  const { aside } = setUp();
  for (let id = 1; id <= 1_500; id += 1) aside.add(row(`100:${id}`));
  expect(aside.current).toMatchObject([
    { count: 1_000, ids: expect.arrayContaining(['100:501']) as unknown },
  ]);
});
