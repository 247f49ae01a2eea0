import { createReachStep, parseFailPoint } from './steps';

test('without a fail point reaching a step does nothing', () => {
  const signals: string[] = [];
  createReachStep(undefined, (signal) => signals.push(signal))('sweep.page-read');
  expect(signals).toEqual([]);
});

test('the n-th time a step is reached, and only then, the process is signalled', () => {
  const signals: string[] = [];
  const reach = createReachStep(parseFailPoint('deleter.rows-deleted=kill@2'), (s) =>
    signals.push(s),
  );
  reach('deleter.rows-deleted');
  reach('deleter.objects-deleted');
  expect(signals).toEqual([]);
  reach('deleter.rows-deleted');
  reach('deleter.rows-deleted');
  expect(signals).toEqual(['SIGKILL']);
});

test('stop freezes the process', () => {
  const signals: string[] = [];
  createReachStep(parseFailPoint('sweep.page-read=stop'), (s) => signals.push(s))(
    'sweep.page-read',
  );
  expect(signals).toEqual(['SIGSTOP']);
});

test.each(['', 'sweep.page-read', 'nowhere=kill', 'sweep.page-read=kill@0'])(
  '%j is refused with the list of steps',
  (text) => {
    expect(() => parseFailPoint(text)).toThrow(/steps: sweep\.page-read/);
  },
);
