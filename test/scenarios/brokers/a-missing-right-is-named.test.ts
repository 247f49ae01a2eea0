import type { AclEntry } from 'kafkajs';
import { aclsOf, asAdmin } from '../../../ops/local/stack/grant-rights';
import { rights, type Principal } from '../../../ops/local/stack/kafka-rights';
import { exitCodes } from '../../../cli/exit-codes';
import { placeOf } from '../../support/stack/stack';
import { until } from '../../support/until';
import { useScenario } from '../../support/scenario/use-scenario';

const ground = useScenario(__filename, { changes: 'none' });

/** All rights of the principal on it: the rest of READ, WRITE, DELETE or ALTER would include DESCRIBE. */
function entriesOf(principal: Principal, name: string): AclEntry[] {
  return rights
    .filter((right) => right.principal === principal)
    .flatMap((right) => aclsOf(right, ground().named('')))
    .filter(({ resourceName }) => resourceName === name);
}

/** Revokes the rights for the duration of the work. */
async function without(entries: readonly AclEntry[], work: () => Promise<void>): Promise<void> {
  expect(entries).not.toEqual([]);
  const place = placeOf(ground().stack);
  await asAdmin(place, (admin) => admin.deleteAcls({ filters: [...entries] }));
  try {
    await work();
  } finally {
    await asAdmin(place, (admin) => admin.createAcls({ acl: [...entries] }));
  }
}

/** Brokers learn of a change of rights a moment later. */
async function refused(args: readonly string[], sentence: RegExp): Promise<void> {
  await until(`${args.join(' ')} names the right`, async () => {
    const command = await ground().command(args, 'reader', exitCodes.configuration);
    return sentence.test(command.noise.join('\n'));
  });
}

test('status names a topic that it may not look at, and does not call it idle', async () => {
  const topic = ground().named('artifacts.expired');
  await without(entriesOf('operator', topic), () =>
    refused(['status'], new RegExp(`Kafka refuses operator DESCRIBE on the topic ${topic}: grant`)),
  );
  await ground().command(['status']);
});

test('topics and dead letters: a topic that may not be seen is not reported as missing', async () => {
  const topic = ground().named('artifacts.expired.artifact-deleter.dlq');
  const sentence = new RegExp(`refuses operator DESCRIBE_CONFIGS on the topic ${topic}: grant`);
  await without(entriesOf('operator', topic), async () => {
    await refused(['topics', 'plan'], sentence);
    await refused(['dlq', 'list'], sentence);
  });
  await ground().command(['dlq', 'list']);
});

test.each(['expired-artifacts', 'finished-builds', 'artifact-deleter', 'trace-archiver'] as const)(
  '%s ends at once when it may not read its own group, and names it',
  async (name) => {
    const group = ground().named(name);
    const sentence = `Kafka refuses ${name} READ on the group ${group}: grant User:${name}`;
    ground().expectError(new RegExp(sentence));
    await without(entriesOf(name, group), async () => {
      const process = ground().run(name);
      process.mayFail = true;
      await until(`${name} has ended`, () => process.exit !== undefined, 30_000);
      expect(process.exit?.code).toBe(exitCodes.configuration);
      expect((await process.logged('process.failed')).msg).toContain(sentence);
    });
  },
);
