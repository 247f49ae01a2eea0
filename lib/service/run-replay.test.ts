import { countsIn } from './run-replay';

test('what became of the records is read from the process’s own page, without zeros and the decisions of operators', () => {
  const page = [
    '# HELP afterbuild_records_total Records by their outcome',
    '# TYPE afterbuild_records_total counter',
    'afterbuild_records_total{topic="artifacts.expired",outcome="done",process="p"} 12',
    'afterbuild_records_total{topic="artifacts.expired",outcome="retry",process="p"} 0',
    'afterbuild_records_total{topic="afterbuild.control",outcome="done",process="p"} 3',
    'afterbuild_artifact_objects_deleted_total{process="p"} 3',
    'afterbuild_commits_total{process="p"} 4',
    'afterbuild_ready 1',
  ].join('\n');
  expect(countsIn(page, 'afterbuild.control')).toEqual({
    'afterbuild_records_total{topic="artifacts.expired",outcome="done"}': 12,
    afterbuild_artifact_objects_deleted_total: 3,
  });
});
