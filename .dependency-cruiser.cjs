// The dependency direction of docs/architecture.md, enforced (`npm run boundaries`). test/boundaries.test.ts plants
// a violation of each kind and expects the refusal.
const { readFileSync, readdirSync, existsSync } = require('node:fs');
const { join } = require('node:path');

const notTests = '\\.test\\.ts$';

/** The rooms of lib, from the ground up: a room imports what lies on a lower floor, and nothing beside or above it. */
const floors = [
  ['lib/process'],
  ['lib/gitlab'],
  // The client's own floors: the port and its words; topics, and what kafkajs needs.
  ['lib/kafka'],
  [
    'lib/kafka/topics',
    'lib/kafka/kafkajs',
    'lib/stores/postgres',
    'lib/stores/redis',
    'lib/stores/s3',
  ],
  // The runtime's own floors: its face; failures, lanes, partitions, the member.
  ['lib/runtime', 'lib/brake', 'lib/connect', 'lib/reconcile'],
  ['lib/runtime/failures'],
  ['lib/runtime/lanes'],
  ['lib/runtime/partitions'],
  ['lib/runtime/member'],
  ['lib/avro', 'lib/metrics', 'lib/dead-letters', 'lib/replay'],
  ['lib/failures', 'lib/control'],
  ['lib/service'],
  ['lib/source'],
];
const filesOf = (room) => `^${room}/[^/]+$`;
const upwards = floors.flatMap((rooms, floor) =>
  rooms.flatMap((room) => {
    const above = floors
      .slice(floor)
      .flat()
      .filter((other) => other !== room);
    if (above.length === 0) return [];
    const from = { path: filesOf(room), pathNot: notTests };
    const name = `${room.replaceAll('/', '-')}-imports-lower-floors-only`;
    return [{ name, severity: 'error', from, to: { path: above.map(filesOf) } }];
  }),
);

/** What says in its header that it is pure: no I/O, no clock, no chance. */
function pureFiles() {
  const found = [];
  const look = (folder) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) look(path);
      else if (/(?<!\.test)\.ts$/.test(entry.name)) {
        const [, header = ''] =
          /^(?:#!.*\n)?\/\*\*(.*?)\*\//s.exec(readFileSync(path, 'utf8')) ?? [];
        if (/\bpure\b/i.test(header)) found.push(`^${path.replaceAll('\\', '/')}$`);
      }
    }
  };
  for (const folder of ['producers', 'consumers', 'connect', 'lib', 'cli', 'ops'].filter((name) =>
    existsSync(name),
  ))
    look(folder);
  return found.length === 0 ? ['^nothing$'] : found;
}

const drivers =
  '^(pg|pg-query-stream|ioredis|kafkajs|@aws-sdk|@kafkajs)(/|$)|node_modules/(pg|pg-query-stream|ioredis|kafkajs|@aws-sdk|@kafkajs)/';

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-orphans',
      severity: 'error',
      from: {
        orphan: true,
        pathNot: [
          '\\.test\\.ts$',
          '^bench/',
          '^test/',
          'main\\.ts$',
          '^ops/local/[^/]+\\.ts$',
          '^schemas/generate',
          // Loaded by node itself, into another process.
          '^ops/faults/shifted-clock\\.cjs$',
        ],
      },
      to: {},
    },
    {
      name: 'schemas-know-nothing',
      comment: 'the generator may find the project root',
      severity: 'error',
      from: { path: '^schemas/', pathNot: notTests },
      to: { path: '^(producers|consumers|connect|cli|ops|test|lib/(?!process/root))' },
    },
    {
      name: 'lib-knows-no-process',
      severity: 'error',
      from: { path: '^lib/' },
      to: { path: '^(producers|consumers|connect|cli|ops|bench)/' },
    },
    ...upwards,
    {
      name: 'kafkajs-stays-in-the-client',
      comment: 'beside it: the benches that compare with it, and the rights of the local stack',
      severity: 'error',
      from: {
        pathNot: [
          '^(lib/kafka|bench|test)/',
          '^ops/local/stack/(grant-rights|kafka-access)\\.ts$',
          notTests,
        ],
      },
      to: { path: '^kafkajs(/|$)|node_modules/kafkajs/' },
    },
    {
      name: 'the-runtime-has-one-face',
      comment: 'outside it: lib/runtime/*.ts, and what makes a consumer',
      severity: 'error',
      from: { pathNot: ['^lib/runtime/', '^test/', notTests] },
      to: { path: '^lib/runtime/[^/]+/', pathNot: '^lib/runtime/member/create-consumer\\.ts$' },
    },
    {
      name: 'production-knows-no-test',
      severity: 'error',
      from: { path: '^(lib|producers|consumers|connect|cli)/', pathNot: notTests },
      to: { path: '^test/' },
    },
    {
      name: 'a-process-knows-no-other',
      severity: 'error',
      from: { path: '^(producers|consumers)/([^/]+)/' },
      to: { path: '^(producers|consumers)/', pathNot: '^$1/$2/' },
    },
    {
      name: 'a-process-knows-no-tool',
      severity: 'error',
      from: { path: '^(producers|consumers)/', pathNot: notTests },
      to: { path: '^(cli|ops|bench|connect)/' },
    },
    {
      name: 'connect-knows-lib-and-schemas',
      severity: 'error',
      from: { path: '^connect/', pathNot: notTests },
      to: { path: '^(producers|consumers|cli|ops|bench|test)/' },
    },
    {
      name: 'cli-knows-no-ops',
      severity: 'error',
      from: { path: '^cli/', pathNot: notTests },
      to: { path: '^(ops|bench)/' },
    },
    {
      name: 'ops-knows-no-cli',
      comment: '`npm run afterbuild` is the command line on the stack of this clone',
      severity: 'error',
      from: { path: '^ops/', pathNot: [notTests, '^ops/local/afterbuild\\.ts$'] },
      to: { path: '^(cli|bench)/' },
    },
    {
      name: 'drivers-stay-at-the-edge',
      severity: 'error',
      from: {
        path: '^(producers|consumers|lib)/',
        pathNot: ['^lib/(kafka|avro|stores)/', '/main\\.ts$', notTests],
      },
      to: { path: drivers },
    },
    {
      name: 'pure-files-use-no-library',
      severity: 'error',
      from: { path: pureFiles() },
      to: { dependencyTypes: ['npm', 'core'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'pure-files-ask-no-clock',
      severity: 'error',
      from: { path: pureFiles() },
      to: { path: '^lib/process/clock\\.ts$', dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    exclude: { path: '^dist/' },
  },
};
// Read by test/boundaries.test.ts, not by dependency-cruiser.
Object.defineProperty(module.exports, 'floors', { value: floors, enumerable: false });
