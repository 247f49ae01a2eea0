/** The rules of `npm run boundaries` refuse what they are there for: one violation of each kind is planted. */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { z } from 'zod';
import { projectRoot } from '../lib/process/root';

const report = z.object({
  summary: z.object({
    violations: z.array(
      z.object({ from: z.string(), to: z.string(), rule: z.object({ name: z.string() }) }),
    ),
  }),
});

const pure = '/** Decides. Pure. */\n';
const importOf = (path: string): string => `import { x } from '${path}';\nexport const y = x;\n`;

/** Rule, the file that breaks it, what it holds. */
const planted: readonly (readonly [string, string, string])[] = [
  ['no-circular', 'lib/gitlab/circle-back.ts', importOf('./circle')],
  ['no-orphans', 'lib/gitlab/orphan.ts', 'export const x = 1;\n'],
  ['schemas-know-nothing', 'schemas/reads.ts', importOf('../lib/process/ground')],
  ['lib-knows-no-process', 'lib/service/serves.ts', importOf('../../consumers/one/decide')],
  ['lib-process-imports-lower-floors-only', 'lib/process/up.ts', importOf('../kafka/port')],
  ['lib-gitlab-imports-lower-floors-only', 'lib/gitlab/up.ts', importOf('../control/flags')],
  ['lib-kafka-imports-lower-floors-only', 'lib/kafka/up.ts', importOf('../control/flags')],
  ['lib-kafka-imports-lower-floors-only', 'lib/kafka/inner.ts', importOf('../runtime/lanes/lane')],
  [
    'lib-kafka-topics-imports-lower-floors-only',
    'lib/kafka/topics/beside.ts',
    importOf('../kafkajs/client'),
  ],
  [
    'lib-stores-s3-imports-lower-floors-only',
    'lib/stores/s3/beside.ts',
    importOf('../redis/memory'),
  ],
  [
    'lib-runtime-lanes-imports-lower-floors-only',
    'lib/runtime/lanes/up.ts',
    importOf('../partitions/partition'),
  ],
  ['the-runtime-has-one-face', 'consumers/one/inside.ts', importOf('../../lib/runtime/lanes/lane')],
  ['kafkajs-stays-in-the-client', 'lib/runtime/lanes/kafka.ts', "import 'kafkajs';\n"],
  ['production-knows-no-test', 'lib/gitlab/tested.ts', importOf('../../test/support/fake')],
  ['a-process-knows-no-other', 'consumers/one/other.ts', importOf('../../producers/two/main')],
  ['a-process-knows-no-tool', 'consumers/one/tool.ts', importOf('../../ops/seed')],
  ['connect-knows-lib-and-schemas', 'connect/ops.ts', importOf('../ops/seed')],
  ['connect-knows-lib-and-schemas', 'connect/producer.ts', importOf('../producers/two/main')],
  ['cli-knows-no-ops', 'cli/ops.ts', importOf('../ops/seed')],
  ['ops-knows-no-cli', 'ops/local/commands.ts', importOf('../../cli/output')],
  ['drivers-stay-at-the-edge', 'consumers/one/driver.ts', "import 'pg';\n"],
  ['pure-files-use-no-library', 'consumers/one/hash.ts', `${pure}import 'node:crypto';\n`],
  ['pure-files-use-no-library', 'consumers/one/files.ts', `${pure}import 'node:fs';\n`],
  ['pure-files-use-no-library', 'producers/two/shapes.ts', `${pure}import 'zod';\n`],
  [
    'pure-files-ask-no-clock',
    'lib/runtime/failures/now.ts',
    pure + importOf('../../process/clock'),
  ],
];

const innocent = [
  'lib/gitlab/circle.ts',
  'lib/process/ground.ts',
  'lib/process/clock.ts',
  'lib/kafka/port.ts',
  'lib/kafka/kafkajs/client.ts',
  'lib/control/flags.ts',
  'lib/runtime/lanes/lane.ts',
  'lib/runtime/partitions/partition.ts',
  'lib/stores/redis/memory.ts',
  'consumers/one/decide.ts',
  'producers/two/main.ts',
  'test/support/fake.ts',
  'ops/seed.ts',
  'cli/output.ts',
];

test('boundaries: each kind of violation is refused by its rule', () => {
  const folder = mkdtempSync(join(tmpdir(), 'afterbuild-boundaries-'));
  try {
    const write = (path: string, text: string): void => {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    };
    for (const path of innocent) write(path, 'export const x = 1;\n');
    write('lib/gitlab/circle.ts', importOf('./circle-back'));
    for (const [, path, text] of planted) write(path, text);
    for (const file of ['.dependency-cruiser.cjs', 'tsconfig.json', 'package.json']) {
      cpSync(join(projectRoot, file), join(folder, file));
    }
    symlinkSync(join(projectRoot, 'node_modules'), join(folder, 'node_modules'));
    const program = join(projectRoot, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
    const folders = ['producers', 'consumers', 'schemas', 'connect', 'lib', 'cli', 'ops', 'test'];
    const { stdout } = spawnSync(
      process.execPath,
      [program, '--config', '.dependency-cruiser.cjs', '--output-type', 'json', ...folders],
      { cwd: folder, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
    );
    const { summary } = report.parse(JSON.parse(stdout));
    const found = new Set(summary.violations.map(({ rule, from }) => `${rule.name}: ${from}`));
    const missed = planted.flatMap(([rule, path]) =>
      found.has(`${rule}: ${path}`) ? [] : [`${rule}: ${path}`],
    );
    expect(missed).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 60_000);

test('boundaries: every room that the rules name is there', () => {
  const { floors } = createRequire(__filename)('../.dependency-cruiser.cjs') as {
    floors: string[][];
  };
  const missing = floors.flat().filter((room) => !existsSync(join(projectRoot, room)));
  expect(missing).toEqual([]);
  const rooms = readdirSync(join(projectRoot, 'lib'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map(({ parentPath }) => relative(projectRoot, parentPath));
  expect([...new Set(rooms)].filter((room) => !floors.flat().includes(room))).toEqual([]);
});
