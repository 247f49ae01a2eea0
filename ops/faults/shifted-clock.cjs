// Loaded by `node --require` before a process begins: its clock goes by as many milliseconds wrong as
// AFTERBUILD_CLOCK_SHIFT_MS says. Timers, which count from any moment, go on as before.
const shiftMs = Number(process.env.AFTERBUILD_CLOCK_SHIFT_MS ?? 0);
const RealDate = Date;
const now = () => RealDate.now() + shiftMs;

class ShiftedDate extends RealDate {
  constructor(...given) {
    if (given.length === 0) super(now());
    else super(...given);
  }

  static now() {
    return now();
  }
}

globalThis.Date = ShiftedDate;
