import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../process/root';
import { metricDefinitions, type MetricDefinition } from './definitions';
import { describeMetrics, metricsDocument } from './document';

const all = Object.entries<MetricDefinition>(metricDefinitions);

test.each(all)('%s is named and explained as agreed', (name, { type, moves, act, buckets }) => {
  expect(name).toMatch(/^afterbuild_[a-z]+(_[a-z]+)*$/);
  expect(name.endsWith('_total')).toBe(type === 'counter');
  for (const sentence of [moves, act]) expect(sentence).toMatch(/^[A-Za-z0-9`/].*\.$/);
  expect(buckets !== undefined).toBe(type === 'histogram');
});

test('docs/metrics.md is what the definitions say (npm run metrics:document writes it)', () => {
  expect(readFileSync(metricsDocument, 'utf8')).toBe(describeMetrics());
});

test('every metric is moved by something', () => {
  const folder = join(projectRoot, 'lib');
  const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !/definitions|\.test\./.test(file))
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    .join('\n');
  expect(all.map(([name]) => name).filter((name) => !sources.includes(`'${name}'`))).toEqual([]);
});

test('labels name kinds, never ids', () => {
  const ofWork = [
    'topic',
    'partition',
    'outcome',
    'kind',
    'dependency',
    'state',
    'fate',
    'effect',
    'store',
    'unit',
  ];
  const known = [...ofWork, 'version', 'node', 'table', 'field'];
  for (const [, { labels }] of all) expect(known).toEqual(expect.arrayContaining([...labels]));
});
