import { Bug, started } from '../../../test/support/memory/failing-runtime';
import { at, eventually } from '../../../test/support/memory/runtime-fixture';
import { failureHeaders } from '../failure-headers';
import { done, retry } from '../outcome';
import { UndecodableRecordError } from '../poison';

test('while letters cannot be written the offset stays, and nothing is lost', async () => {
  const fixture = await started(() => done, {
    decode: (value: Buffer | null) => {
      if (value?.toString() === 'bad') throw new UndecodableRecordError('damaged', 'not-a-value');
      return 'fine';
    },
  });
  const { client, runtime, letters, committed, join } = fixture;
  fixture.lettersError = () => new Error('no broker');
  client.append(at, 'a', 'bad');
  client.append(at, 'a', 'fine');
  await join();
  await client.fetch();
  await eventually(() => runtime.state().breakers.some(({ state }) => state === 'open'));
  expect(runtime.state().breakers[0]?.dependency).toBe('dead-letters');
  expect(committed()).toBeUndefined();
  fixture.lettersError = () => null;
  await eventually(() => committed() === 2);
  await eventually(() => runtime.state().breakers.length === 0);
  expect(letters).toHaveLength(1);
});

test('while letters cannot be written the handler is not asked again, and no further attempt is counted', async () => {
  const fixture = await started(
    ({ value }) => (value === 'bad' ? retry(new Error('denied')) : done),
    { lanes: 1 },
  );
  const { client, runtime, letters, handled, committed, join } = fixture;
  fixture.lettersError = () => new Error('no broker');
  for (const value of ['fine', 'bad', 'bad', 'fine']) client.append(at, 'a', value);
  await join();
  await client.fetch();
  await eventually(() => runtime.state().breakers.length > 0);
  const tries = handled.length;
  expect(runtime.state().partitions[0]?.held).toBe('dead-letters: no broker');
  expect(runtime.state().breakers[0]?.nextProbeAtMs).toBeGreaterThan(Date.now());
  // Two probes later.
  const sinceMs = runtime.state().breakers[0]!.nextProbeAtMs;
  await eventually(() => runtime.state().breakers[0]!.nextProbeAtMs > sinceMs);
  expect(handled).toHaveLength(tries);
  expect(committed()).toBe(1);
  fixture.lettersError = () => null;
  await eventually(() => committed() === 4);
  expect(letters.map(({ headers }) => headers?.[failureHeaders.attempts])).toEqual(['5', '5']);
  expect(handled.filter(({ value }) => value === 'bad')).toHaveLength(2 * 5);
  await eventually(() => runtime.state().breakers.length === 0);
  expect(runtime.state().partitions[0]?.held).toBeNull();
});

test('a refused letter holds up its own lane until an operator looks, and the other lanes write theirs', async () => {
  const fixture = await started(() => retry(new Error('denied')), { lanes: 16 });
  const { client, runtime, letters, lines, committed, join } = fixture;
  fixture.lettersError = (records) =>
    records.some(({ value }) => String(value) === 'huge')
      ? new Bug('larger than the topic takes')
      : null;
  client.append(at, 'a', 'huge');
  client.append(at, 'b', 'small');
  await join();
  await client.fetch();
  await eventually(() => !runtime.ready());
  await eventually(() => letters.length === 1);
  expect(runtime.state().partitions[0]?.halts).toEqual(['larger than the topic takes']);
  expect(runtime.state().breakers).toEqual([]);
  expect(lines.filter(({ event }) => event === 'lane.stuck')).toHaveLength(1);
  expect(letters.map(({ value }) => String(value))).toEqual(['small']);
  expect(committed() ?? 0).toBe(0);
  fixture.lettersError = () => null;
  await eventually(() => committed() === 2);
  expect(letters).toHaveLength(2);
  expect(runtime.ready()).toBe(true);
});
