import { ArrivalProbe, type ArrivalLook } from './arrival-probe';

const observe = (...looks: Partial<ArrivalLook>[]): (string | null)[] => {
  const probe = new ArrivalProbe('public.t', 'cdc.public.t');
  const still: ArrivalLook = { confirmedLsn: 100, topicEnd: 10, newRows: 0, lsn: 100 };
  return looks.map((look) => probe.observe({ ...still, ...look }));
};

test('nothing is claimed while no row is added', () => {
  expect(observe({}, {}, {})).toEqual([null, null, null]);
});

test('rows that the stream has passed and that brought their records are proven', () => {
  const looks = observe(
    {},
    { newRows: 3, lsn: 200 },
    { topicEnd: 11, confirmedLsn: 150 },
    { topicEnd: 13, confirmedLsn: 200 },
  );
  expect(looks).toEqual([null, null, null, null]);
});

test('rows that the stream has passed without a record are a break, for as long as nothing arrives', () => {
  const looks = observe(
    {},
    { newRows: 2, lsn: 200 },
    { confirmedLsn: 199 },
    { confirmedLsn: 200 },
    { confirmedLsn: 300 },
    { confirmedLsn: 300, topicEnd: 11 },
  );
  expect(looks.map((text) => text !== null)).toEqual([false, false, false, true, true, false]);
  expect(looks[3]).toMatch(/2 rows that were added to public\.t .* 0 records/);
});

test('fewer records than rows are a break, too', () => {
  const looks = observe({}, { newRows: 3, lsn: 200 }, { confirmedLsn: 200, topicEnd: 12 });
  expect(looks[2]).toMatch(/3 rows .* 2 records/);
});

test('a row of the first look proves nothing: its record may have come before', () => {
  expect(observe({ newRows: 5, lsn: 100 }, { confirmedLsn: 200 })).toEqual([null, null]);
});

test('where Kafka says nothing, nothing is concluded', () => {
  const looks = observe({}, { newRows: 1, lsn: 200 }, { topicEnd: null, confirmedLsn: 300 });
  expect(looks).toEqual([null, null, null]);
});

test('a topic that is shorter than before has lost records that were not read', () => {
  expect(observe({}, { topicEnd: 4 }, { topicEnd: 4 })).toEqual([
    null,
    expect.stringMatching(/created anew/),
    null,
  ]);
});
