import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { identifyProcess, type ProcessIdentity } from './stack/process-identity';
import type { ServerName } from './stack/server';
import { watchServers } from './server-watch';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'server-watch-'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

const alive = identifyProcess(process.pid);
const dead = { pid: process.pid, startedAt: 'another boot' };

function record(servers: Partial<Record<ServerName, ProcessIdentity | undefined>>): void {
  const stack = { version: 1, place: { dataDir }, servers };
  writeFileSync(join(dataDir, 'stack.json'), JSON.stringify(stack));
}

/** Checks until one was started, or ten times. */
async function watchTenTimes() {
  const ending = new AbortController();
  const started: string[] = [];
  const lines: string[] = [];
  setTimeout(() => ending.abort(), 50);
  await watchServers({
    dataDir,
    say: (line) => lines.push(line),
    signal: ending.signal,
    everyMs: 5,
    start: (name) => {
      started.push(name);
      record({ redis: alive });
      return Promise.resolve();
    },
  });
  return { started, lines };
}

it('starts a server again that was killed, once, and says so', async () => {
  record({ redis: dead, postgres: alive });
  expect(await watchTenTimes()).toEqual({
    started: ['redis'],
    lines: ['Redis ended by itself and was started again'],
  });
});

it('leaves alone what was stopped on purpose', async () => {
  record({ postgres: alive });
  expect(await watchTenTimes()).toEqual({ started: [], lines: [] });
});
