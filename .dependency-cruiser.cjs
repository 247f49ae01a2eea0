// The dependency direction of docs/architecture.md, enforced.
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
      from: { path: '^schemas/', pathNot: '\\.test\\.ts$' },
      to: { path: '^(producers|consumers|connect|cli|ops|test|lib/(?!process/root))' },
    },
    {
      name: 'lib-knows-no-process',
      severity: 'error',
      from: { path: '^lib/' },
      to: { path: '^(producers|consumers|connect|cli|ops|bench)/' },
    },
    {
      name: 'lib-knows-no-test',
      severity: 'error',
      from: { path: '^(lib|producers|consumers|connect|cli)/', pathNot: '\\.test\\.ts$' },
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
      from: { path: '^(producers|consumers)/', pathNot: '\\.test\\.ts$' },
      to: { path: '^(cli|ops|bench|connect)/' },
    },
    {
      name: 'drivers-stay-at-the-edge',
      severity: 'error',
      from: {
        path: '^(producers|consumers|lib)/',
        pathNot: ['^lib/(kafka|avro|stores)/', '/main\\.ts$', '\\.test\\.ts$'],
      },
      to: { path: drivers },
    },
    {
      name: 'decisions-do-no-io',
      severity: 'error',
      from: { path: '(decide|page|offset-tracker|commit-map|lanes|assigner)\\.ts$' },
      to: { path: '^node:|^(fs|net|http|https|child_process)$', dependencyTypes: ['core', 'npm'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    exclude: { path: '^dist/' },
  },
};
