import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AclResourceTypes, ResourcePatternTypes } from 'kafkajs';
import { projectRoot } from '../../../lib/process/root';
import { aclsOf } from './grant-rights';
import { everyTopic, resolveName, rights, type Right } from './kafka-rights';

const page = readFileSync(join(projectRoot, 'docs/runbooks/on-your-gitlab.md'), 'utf8');

const namesInWords = ({ names, resource }: Right): string => {
  if (names === everyTopic) return 'every topic of `topics plan`';
  return resource === 'cluster' ? '' : names.map((name) => `\`${name}\``).join(', ');
};

test("the runbook's table of rights is what the secure stack grants", () => {
  const table = /\| who +\| resource[\s\S]*?\n\n/.exec(page)?.[0] ?? '';
  const cells = table
    .trim()
    .split('\n')
    .slice(2)
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  expect(cells).toEqual(
    rights.map((right) => [
      right.who,
      right.resource,
      right.operations.join(', '),
      namesInWords(right),
    ]),
  );
});

test('a star at the end is a prefix, alone it is all', () => {
  expect(resolveName('<ns>cdc.*', 'team-a.')).toEqual({ name: 'team-a.cdc.', isPrefix: true });
  expect(resolveName('__debezium-heartbeat.<ns>cdc', 'team-a.')).toEqual({
    name: '__debezium-heartbeat.team-a.cdc',
    isPrefix: false,
  });
  expect(resolveName('*', 'team-a.')).toEqual({ name: '*', isPrefix: false });
});

test('a right becomes an entry for each name and operation', () => {
  const right: Right = {
    who: 'Connect workers',
    principal: 'connect',
    resource: 'transactional ids',
    operations: ['WRITE', 'DESCRIBE'],
    names: ['<group.id>-*'],
  };
  expect(aclsOf(right, 'a.')).toMatchObject([
    { principal: 'User:connect', resourceName: 'afterbuild-connect-' },
    {
      resourceType: AclResourceTypes.TRANSACTIONAL_ID,
      resourcePatternType: ResourcePatternTypes.PREFIXED,
    },
  ]);
});
