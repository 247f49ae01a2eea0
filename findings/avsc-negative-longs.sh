#!/usr/bin/env bash
# avsc 5.7.9 (the Avro library of @kafkajs/confluent-schema-registry) promises exact longs between its safe bounds,
# -(2^53 - 1) + 1 and 2^53 - 2, and throws beyond them. Between -2^53 + 2 and -2^52 - 1 it neither throws nor is exact:
# what goes in as a negative number is written as a positive one, so that every reader gets the wrong value; and right
# bytes of such a number, as any other Avro library writes them, are read as a positive one, too.
# Seen: -4503599627370497 (-2^52 - 1) is written as 4503599627370496, and its right bytes are read as 4503599627370496;
# -4503599627370496 (-2^52) and all positive numbers are exact.
# For microseconds since 1970 that range begins in April 1827 and goes back to July 1684.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-fund --no-audit --save-exact avsc@5.7.9
cat >look.js <<'JS'
const avro = require('avsc');
const type = avro.Type.forSchema('long');
/** The value that the bytes hold, by the format's own rule: zigzag, seven bits a byte, lowest first. */
function exactly(bytes) {
  let zigzag = 0n;
  bytes.forEach((byte, at) => (zigzag |= BigInt(byte & 0x7f) << BigInt(7 * at)));
  return zigzag & 1n ? -(zigzag >> 1n) - 1n : zigzag >> 1n;
}
/** The right bytes of a value. */
function bytesOf(value) {
  let zigzag = value < 0n ? -value * 2n - 1n : value * 2n;
  const bytes = [];
  for (; zigzag > 0x7fn; zigzag >>= 7n) bytes.push(Number(zigzag & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(zigzag)]);
}
const rows = [-(2 ** 52), -(2 ** 52) - 1, -(2 ** 53) + 2, 2 ** 52 + 1].map((value) => ({
  value,
  writtenAs: String(exactly(type.toBuffer(value))),
  rightBytesReadAs: type.fromBuffer(bytesOf(BigInt(value))),
}));
console.table(rows);
const [edge, below, lowest, above] = rows;
const isExact = ({ value, writtenAs, rightBytesReadAs }) =>
  String(value) === writtenAs && value === rightBytesReadAs;
const isTurned = ({ writtenAs, rightBytesReadAs }) => Number(writtenAs) > 0 && rightBytesReadAs > 0;
const asSeen = [edge, above].every(isExact) && [below, lowest].every(isTurned);
console.log(`avsc ${require('avsc/package.json').version}: ${asSeen ? 'as described' : 'something has changed'}`);
process.exit(asSeen ? 0 : 1);
JS
node look.js
