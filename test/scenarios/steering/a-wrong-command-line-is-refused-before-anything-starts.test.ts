import { programEnd } from '../../support/scenario/refusal';

const programs = {
  'npm start': 'dist/ops/local/start.js',
  'npm run stack': 'dist/ops/local/stack-command.js',
  'npm run soak': 'dist/ops/soak/main.js',
  'npm run matrix': 'dist/ops/matrix/main.js',
  'npm run faults': 'dist/ops/faults/main.js',
  'npm run bench': 'dist/bench/main.js',
  afterbuild: 'dist/cli/main.js',
} as const;
type Program = keyof typeof programs;

const wrong: readonly (readonly [Program, readonly string[], RegExp])[] = [
  ['npm start', ['--sideways'], /unknown option '--sideways'/],
  ['npm start', ['--builds', 'many'], /--builds.*whole number from/],
  ['npm start', ['twice'], /too many arguments/],
  ['npm run stack', ['sideways'], /unknown command 'sideways'/],
  ['npm run stack', ['up', '--brokers', '2'], /--brokers.*Allowed choices are 1, 3/],
  ['npm run stack', ['up', '--secure'], /--secure goes with --brokers 3/],
  ['npm run soak', ['--minutes', '1h'], /--minutes.*whole number from/],
  ['npm run soak', ['--sideways'], /unknown option '--sideways'/],
  ['npm run matrix', ['sideways'], /unknown command 'sideways'/],
  ['npm run matrix', ['kafka', '--versions', ''], /--versions.*must be a version/],
  ['npm run matrix', ['upgrade', '--seconds', 'abc'], /--seconds.*whole number above 0/],
  ['npm run matrix', ['upgrade', '--from', '4.3.1'], /--from.*like kafka=4\.3\.1/],
  ['npm run faults', ['no-such-file'], /No file of test\/scenarios .* fits/],
  ['npm run faults', ['--sideways'], /unknown option '--sideways'/],
  ['npm run faults', ['--testPathPatterns', 'no-such-file'], /No file of test\/scenarios .* fits/],
  ['npm run faults', ['-t', '('], /must be a regular expression/],
  ['npm run bench', ['speed'], /unknown command 'speed'/],
  ['npm run bench', ['artifacts', '--runs', '0'], /--runs.*whole number above 0/],
  ['npm run bench', ['traces', '--only', '5 GB'], /--only.*Allowed choices are 4 KB/],
  ['afterbuild', ['run', 'everything'], /'everything' is invalid.*artifact-deleter/],
  [
    'afterbuild',
    ['flags', 'set', 'deleter', 'pause', 'true', '--reason', 'x'],
    /no process deleter/,
  ],
  ['afterbuild', ['flags', 'set', 'all', 'speed', '9', '--reason', 'x'], /no flag speed/],
  ['afterbuild', ['flags', 'set', 'all', 'pause', 'on', '--reason', 'x'], /pause must be true/],
  [
    'afterbuild',
    ['flags', 'set', 'all', 'pause', 'true', '--reason', 'x', '--expires', '2'],
    /like 2h/,
  ],
  ['afterbuild', ['dlq', 'list', '--since', 'lately'], /--since.*30m, 6h, 7d/],
  ['afterbuild', ['dlq', 'list', '--reason', 'bad-luck'], /--reason.*There are no-value/],
  ['afterbuild', ['dlq', 'park', '--why', ' '], /--why must say why/],
  ['afterbuild', ['accept-database', '--reason', ''], /--reason must say why/],
  ['afterbuild', ['reconcile', '--check', '--limit', 'few'], /--limit must be a whole number/],
];

/** Nothing that a command line needs comes from the environment. */
const nothing = Object.fromEntries(
  Object.keys(process.env)
    .filter((name) => name !== 'PATH')
    .map((name) => [name, undefined]),
);

test.each(wrong)(
  '%s %j is refused with exit code 2, in a sentence that says where the help is',
  (program, args, sentence) => {
    const { code, said } = programEnd(programs[program], args, nothing);
    expect(code).toBe(2);
    const text = said.join('\n');
    expect(text).toMatch(sentence);
    expect(text).toMatch(new RegExp(`${program}.* --help explains it|^Usage: ${program} -- `, 'm'));
    expect(said.length).toBeLessThan(40);
  },
);

test.each(Object.entries(programs))(
  '%s --help explains itself, exit codes included',
  (name, program) => {
    const { code, said, printed } = programEnd(program, ['--help'], nothing);
    expect({ code, said }).toEqual({ code: 0, said: [''] });
    expect(printed).toMatch(new RegExp(`^Usage: ${name}`));
    expect(printed).toMatch(/exit codes/i);
  },
);

test('npm test takes no arguments, and says so', () => {
  const { code, printed } = programEnd('dist/ops/local/run-tests.js', ['--help'], nothing);
  expect(code).toBe(0);
  expect(printed).toMatch(/^Usage: npm test\n/);
});
