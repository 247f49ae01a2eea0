import { parseSoakOptions } from './options';

test('one broker by default; three have a folder of their own', () => {
  const { brokers, data } = parseSoakOptions([]);
  expect(brokers).toBe(1);
  const ofThree = parseSoakOptions(['--brokers', '3']);
  expect(ofThree.brokers).toBe(3);
  expect(ofThree.data).not.toBe(data);
  expect(parseSoakOptions(['--brokers', '3', '--data', 'here']).data).toBe('here');
});

test('another number of brokers is refused', () => {
  const silent = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  expect(() => parseSoakOptions(['--brokers', '2'])).toThrow(/Allowed choices are 1, 3/);
  silent.mockRestore();
});
