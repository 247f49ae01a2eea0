import { growthStage, readPartitionCounts, topicsWith } from './partition-counts';
import { topics } from './topics';

const countsOf = (text: string) =>
  Object.fromEntries(
    topicsWith(readPartitionCounts(text)).map(({ name, partitions }) => [name, partitions]),
  );

test('one number is for the topics that work lies on, and for no other', () => {
  expect(countsOf('24')).toMatchObject({
    'cdc.public.p_ci_builds': 24,
    'cdc.public.p_ci_job_artifacts': 24,
    'artifacts.expired': 24,
    'builds.finished': 24,
    'afterbuild.progress': 12,
    'afterbuild.stale-progress': 12,
    'afterbuild.control': 1,
    'artifacts.expired.artifact-deleter.dlq': 3,
  });
});

test('a topic can have a number of its own', () => {
  expect(countsOf('24, artifacts.expired=48,afterbuild.progress=16')).toMatchObject({
    'builds.finished': 24,
    'artifacts.expired': 48,
    'afterbuild.progress': 16,
  });
  expect(countsOf('builds.finished=2')).toMatchObject({
    'builds.finished': 2,
    'artifacts.expired': 12,
  });
});

test('the default is what the definitions say', () => {
  expect(topicsWith(readPartitionCounts('12'))).toEqual(topics);
});

test.each([
  ['', /must be a number from 1 to 1000/],
  ['0', /not "0"/],
  ['1001', /must be a number/],
  ['12,', /not ""/],
  ['12,x', /not "x"/],
  ['12,afterbuild.control=3', /has no topic afterbuild\.control: only cdc\.public/],
])('%j is refused', (text, problem) => {
  expect(() => readPartitionCounts(text)).toThrow(problem);
});

test('readers grow before their writers', () => {
  const stages = [
    'artifacts.expired.artifact-deleter.retry.2m',
    'artifacts.expired',
    'cdc.public.p_ci_builds',
  ].map(growthStage);
  expect(stages).toEqual([0, 1, 2]);
});
