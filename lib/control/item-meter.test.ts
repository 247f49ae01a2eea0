import { HandClock } from '../../test/support/records/control';
import { ItemMeter } from './item-meter';

test('the rate is that of the last minute, or of the time since the start', () => {
  const clock = new HandClock();
  const meter = new ItemMeter(clock);
  meter.add(500);
  expect(meter.perSecond()).toBe(0);
  clock.ms += 10_000;
  meter.add(500);
  expect(meter.perSecond()).toBe(100);
  clock.ms += 55_000;
  expect(meter.perSecond()).toBe(8.3);
  clock.ms += 10_000;
  expect(meter.perSecond()).toBe(0);
});

test('freed bytes are counted from the start on', () => {
  const clock = new HandClock();
  const meter = new ItemMeter(clock);
  meter.free(1_000);
  clock.ms += 3_600_000;
  meter.free(24);
  expect(meter.bytesFreed).toBe(1_024);
});
