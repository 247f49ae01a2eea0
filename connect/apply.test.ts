import { mergeConfig } from './apply';

const file = { 'heartbeat.interval.ms': '5000', 'slot.name': 's' };

test('a new connector is what the file says', () => {
  expect(mergeConfig(null, file)).toEqual({ config: file, kept: [], changed: [] });
});

test('what an operator has set beside the file is kept and named, and changes nothing', () => {
  const current = { ...file, 'database.sslmode': 'require', 'slot.failover': 'true' };
  expect(mergeConfig(current, file)).toEqual({
    config: current,
    kept: ['database.sslmode', 'slot.failover'],
    changed: [],
  });
});

test('what differs from the file is set as it says, and named', () => {
  const current = { ...file, 'heartbeat.interval.ms': '1', 'slot.failover': 'true' };
  expect(mergeConfig(current, file)).toEqual({
    config: { ...file, 'slot.failover': 'true' },
    kept: ['slot.failover'],
    changed: ['heartbeat.interval.ms'],
  });
});

test('only the file: what stands beside it is taken away, and named', () => {
  const current = { ...file, 'slot.failover': 'true' };
  expect(mergeConfig(current, file, true)).toEqual({
    config: file,
    kept: [],
    changed: ['slot.failover'],
  });
});
