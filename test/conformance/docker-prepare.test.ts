/** The step `prepare` of docker-compose.yml, against real servers without a container around it. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { projectRoot } from '../../lib/process/root';
import { secretFile } from '../../ops/local/stack/data-folder';
import { Scenario } from '../support/scenario/scenario';

const scenario = new Scenario(__filename);
const state = mkdtempSync(join(tmpdir(), 'afterbuild-state-'));

afterAll(async () => {
  try {
    await scenario.finish();
  } finally {
    await scenario.clean();
    rmSync(state, { recursive: true });
  }
}, 120_000);

async function prepare(): Promise<string> {
  const known = scenario.environment('reader');
  const left = ['POSTGRES_USER', 'POSTGRES_PASSWORD_FILE', 'POSTGRES_SYSTEM_IDENTIFIER'];
  const given = Object.entries(known).filter(([name]) => !left.includes(name));
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(projectRoot, 'dist/ops/docker/prepare.js')],
    {
      env: {
        ...Object.fromEntries(given),
        SECRETS_DIR: dirname(secretFile(scenario.stack.dataDir, 'redis')),
        STATE_DIR: state,
      },
      timeout: 120_000,
    },
  );
  return stdout;
}

test('empty servers become a place where the pipeline works, as often as it is done', async () => {
  await scenario.topics.connect();
  for (const time of [1, 2]) {
    expect([time, await prepare()]).toEqual([time, expect.stringContaining('connector streams')]);
  }
  const identifier = readFileSync(join(state, 'system-identifier'), 'utf8').trim();
  expect(identifier).toBe(scenario.environment('reader')['POSTGRES_SYSTEM_IDENTIFIER']);
  const instance = scenario.run('finished-builds');
  await instance.logged('process.started');
}, 240_000);
