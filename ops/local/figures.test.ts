import { FigureBook, awayDependencies, describeState, sumOf } from './figures';

const page = `# HELP afterbuild_artifact_rows_total Artifacts by the fate of their row
# TYPE afterbuild_artifact_rows_total counter
afterbuild_artifact_rows_total{fate="deleted"} 40
afterbuild_artifact_rows_total{fate="kept"} 2
afterbuild_artifact_bytes_deleted_total 4096
afterbuild_breaker_state{dependency="s3"} 2
afterbuild_breaker_state{dependency="postgres"} 0
afterbuild_ready 1
`;

it('sums the samples of one metric, or those with a label', () => {
  expect(sumOf(page, 'afterbuild_artifact_rows_total')).toBe(42);
  expect(sumOf(page, 'afterbuild_artifact_rows_total', 'fate="deleted"')).toBe(40);
  expect(sumOf(page, 'afterbuild_traces_total')).toBe(0);
});

it('says of a process only what is to be said', () => {
  expect(awayDependencies(page)).toEqual(['s3']);
  expect(describeState('artifact-deleter', page)).toBe('artifact-deleter waits for s3');
  expect(describeState('x', 'afterbuild_ready 0\n')).toBe('x is not ready');
  expect(describeState('x', 'afterbuild_ready 1\n')).toBe('');
  expect(describeState('x', undefined)).toBe('x does not answer');
});

it('goes on counting when a process began anew', () => {
  const book = new FigureBook();
  book.note('artifact-deleter', page);
  book.note('artifact-deleter', page);
  book.note('artifact-deleter', page.replace('} 40', '} 3').replace('4096', '10'));
  expect(book.totals()).toEqual({ artifacts: 43, artifactBytes: 4_106, traces: 0, traceBytes: 0 });
});
