import { at, createFixture, eventually } from '../../../test/support/memory/runtime-fixture';
import { done } from '../outcome';

const turns = async (count = 50): Promise<void> => {
  for (let turn = 0; turn < count; turn += 1) await new Promise(setImmediate);
};

test('without a proof of membership nothing begins, and it says so; with one it goes on', async () => {
  const { client, runtime, handled, join, committed } = createFixture(() => done);
  await runtime.start();
  await join();
  client.isProved = false;
  client.append(at, 'a', 'x');
  await client.fetch();
  await turns();
  expect(handled).toEqual([]);
  expect(runtime.state().partitions[0]?.held).toContain('still a member of its group');
  client.isProved = true;
  runtime.onProved();
  await eventually(() => committed() === 1);
});

test('a handler can ask, before each effect, whether it may begin', async () => {
  const answers: boolean[] = [];
  const { client, runtime, join, committed } = createFixture(() => done, {
    handle: (records, _, mayBegin) => {
      answers.push(mayBegin());
      client.isProved = false;
      answers.push(mayBegin());
      client.isProved = true;
      return Promise.resolve(records.map(() => done));
    },
  });
  await runtime.start();
  await join();
  client.append(at, 'a', 'x');
  await client.fetch();
  await eventually(() => committed() === 1);
  expect(answers).toEqual([true, false]);
});

test('while commits are refused nothing is begun beyond one window of what is committed', async () => {
  const windowRecords = 20;
  const fixture = createFixture(() => done, { maxRecords: 1 }, { windowRecords });
  const { client, runtime, handled, join, committed } = fixture;
  await runtime.start();
  await join();
  client.commitError = new Error('too few replicas');
  client.append(at, 'k0', 'x');
  await client.fetch();
  await eventually(() => runtime.state().membership.commitsRefusedBy === 'too few replicas');
  for (let index = 1; index < 3 * windowRecords; index += 1) client.append(at, `k${index}`, 'x');
  const fetching = setInterval(() => void client.fetch(windowRecords / 2), 1);
  try {
    await eventually(() => handled.length >= windowRecords);
    await turns(200);
    expect(Math.max(...handled.map(({ offset }) => offset))).toBeLessThan(windowRecords);
    expect(runtime.state().partitions[0]?.held).toContain('too few replicas');
    client.commitError = null;
    await eventually(() => committed() === 3 * windowRecords);
    expect(runtime.state().membership.commitsRefusedBy).toBeNull();
  } finally {
    clearInterval(fetching);
  }
});
