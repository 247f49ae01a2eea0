import { commandFor, describeBytes, describeMoment, intro } from './story';
import { defaultDataDir } from './start-options';

const none = { artifacts: 0, artifactBytes: 0, traces: 0, traceBytes: 0 };

it('tells what happened, what is left, and how the processes are, in one line', () => {
  const before = { atMs: 0, totals: { ...none, artifacts: 20_000, traces: 300 } };
  const totals = { artifacts: 20_042, artifactBytes: 85_300_000, traces: 317, traceBytes: 640_000 };
  const open = { due: 12, soon: 61, traces: 4 };
  const now = { atMs: 10_000, totals };
  const happened =
    '+42 artifacts deleted (4.2/s), +17 traces archived in 10 s · in all 20,042 artifacts (85.3 MB) deleted, 317 traces (640 KB) archived · left: 12 due, 61 within a minute, 4 traces · ';
  expect(describeMoment(now, before, open, [])).toBe(`${happened}all four processes work`);
  expect(describeMoment(now, before, open, ['artifact-deleter waits for s3'])).toBe(
    `${happened}artifact-deleter waits for s3`,
  );
});

it('names bytes in the unit that fits', () => {
  expect([830_400, 12_400_000, 3_210_000_000].map(describeBytes)).toEqual([
    '830 KB',
    '12.4 MB',
    '3.2 GB',
  ]);
});

it('gives a line to paste, with the stack where it is not the usual one', () => {
  expect(commandFor(defaultDataDir, 'status')).toBe('npm run afterbuild -- status');
  expect(commandFor('/elsewhere', 'status')).toBe(
    "AFTERBUILD_STACK_FILE='/elsewhere/stack.json' npm run afterbuild -- status",
  );
});

it('says first what it starts, what it does, what it takes and how it ends', () => {
  const lines = intro('/data').join('\n');
  for (const word of [
    /^This starts Kafka/,
    /GB of memory/,
    /\/data .*GB of disk/,
    /Ctrl-C ends it/,
  ])
    expect(lines).toMatch(word);
});
