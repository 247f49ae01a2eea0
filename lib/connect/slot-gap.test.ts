import type { ReplicationSlot } from '../stores/postgres/replication-slot';
import { describeGap, formatLsn, slotGap } from './slot-gap';

const slot: ReplicationSlot = {
  name: 'afterbuild',
  plugin: 'pgoutput',
  database: 'gitlab',
  active: false,
  activePid: null,
  walStatus: 'reserved',
  restartLsn: 900,
  confirmedFlushLsn: 1_000,
  lagBytes: 0,
};

describe('slotGap', () => {
  it('finds none when slot and connector stand at the same position', () => {
    expect(slotGap(1_000, slot)).toBeNull();
  });

  it('finds none when the slot is behind: what lies between is only sent again', () => {
    expect(slotGap(5_000, slot)).toBeNull();
  });

  it('finds none for a connector that has never streamed', () => {
    expect(slotGap(null, null)).toBeNull();
    expect(slotGap(null, slot)).toBeNull();
  });

  it('sees a slot that was advanced by a single byte, which Debezium streams on from silently', () => {
    expect(slotGap(999, slot)).toEqual({
      kind: 'slot-advanced',
      storedLsn: 999,
      slotLsn: 1_000,
      streamsOn: true,
    });
  });

  it('sees a slot that was made anew, on which the task fails', () => {
    expect(slotGap(899, slot)).toMatchObject({ kind: 'slot-advanced', streamsOn: false });
  });

  it('sees a slot that was dropped', () => {
    expect(slotGap(1_000, null)).toMatchObject({ kind: 'slot-missing', slotLsn: null });
  });

  it('sees a slot that lost its log, with any stored position', () => {
    const lost = { ...slot, walStatus: 'lost', restartLsn: null };
    expect(slotGap(1_000, lost)).toMatchObject({ kind: 'slot-invalid', streamsOn: false });
    expect(slotGap(null, lost)).toMatchObject({ kind: 'slot-invalid', storedLsn: null });
    expect(slotGap(1_000, { ...slot, confirmedFlushLsn: null })?.kind).toBe('slot-invalid');
  });
});

describe('describeGap', () => {
  it('names both positions as PostgreSQL writes them', () => {
    const gap = slotGap(0x1b15580, { ...slot, confirmedFlushLsn: 0x16_b374_d848, restartLsn: 1 });
    expect(describeGap(gap!)).toContain('16/B374D848, past the connector');
    expect(describeGap(gap!)).toContain('0/1B15580');
  });

  it('says for each kind what is missing', () => {
    expect(describeGap(slotGap(1, null)!)).toContain('slot is gone');
    expect(describeGap(slotGap(null, { ...slot, walStatus: 'lost' })!)).toContain('since nothing');
  });
});

test('formatLsn splits a position at 32 bits', () => {
  expect(formatLsn(0)).toBe('0/0');
  expect(formatLsn(2 ** 32 + 255)).toBe('1/FF');
});
