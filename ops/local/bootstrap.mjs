/**
 * The first program of `npm start`, `npm test` and `npm run stack`, `bench`, `faults`, `soak`, `matrix` and `afterbuild`, also on a
 * new machine: checks the tools, installs the packages, compiles, and starts the compiled program.
 *
 * Plain Node, without packages and without syntax that an old Node cannot read: it has to be able to name what is missing.
 * Exit codes of its own: 2 wrong usage, 3 a tool is missing or too old, 5 installing or compiling failed,
 * 130 stopped by Ctrl-C.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { missingTools, newerNode } from './bootstrap-tools.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const programs = {
  start: 'dist/ops/local/start.js',
  stack: 'dist/ops/local/stack-command.js',
  test: 'dist/ops/local/run-tests.js',
  bench: 'dist/bench/main.js',
  faults: 'dist/ops/faults/main.js',
  soak: 'dist/ops/soak/main.js',
  matrix: 'dist/ops/matrix/main.js',
  afterbuild: 'dist/ops/local/afterbuild.js',
};
const exitCode = { usage: 2, prerequisite: 3, build: 5, interrupted: 130 };

function fail(code, message) {
  console.error(message);
  process.exit(code);
}

/** The commands of `afterbuild` start no server: they need Node alone. */
const toolsOf = (name) => (name === 'afterbuild' ? ['Node.js', 'npm'] : undefined);

function checkTools(name) {
  const problems = missingTools(toolsOf(name));
  if (problems.length > 0) fail(exitCode.prerequisite, problems.join('\n'));
}

/** A Ctrl-C reaches the tool as well as this process: an interrupted tool is no failure. */
function runTool(command, args) {
  const run = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', process.stderr, process.stderr],
  });
  const isStopped = ['SIGINT', 'SIGTERM', 'SIGHUP'].includes(run.signal) || run.status === 130;
  if (isStopped) fail(exitCode.interrupted, 'stopped');
  return run.status === 0;
}

const isAlive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
};

const pause = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

/** Two commands in one clone must not install or compile at the same time. */
function withLock(work) {
  const lock = path.join(root, '.afterbuild', 'bootstrap.lock');
  try {
    fs.mkdirSync(path.dirname(lock), { recursive: true });
    fs.accessSync(path.dirname(lock), fs.constants.W_OK);
  } catch {
    fail(exitCode.build, `You may not write to ${path.dirname(lock)}; use a clone of your own.`);
  }
  let isAnnounced = false;
  for (;;) {
    try {
      fs.writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      const holder = Number(fs.readFileSync(lock, { encoding: 'utf8', flag: 'a+' }));
      if (holder > 0 && !isAlive(holder)) fs.rmSync(lock, { force: true });
      else if (!isAnnounced)
        console.error(`waiting for process ${holder}, which installs or compiles here`);
      isAnnounced = true;
      pause(300);
    }
  }
  try {
    return work();
  } finally {
    fs.rmSync(lock, { force: true });
  }
}

function readIfThere(file) {
  return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : undefined;
}

const installStamp = path.join(root, 'node_modules', '.afterbuild-installed');

function installFingerprint() {
  const lockFile = fs.readFileSync(path.join(root, 'package-lock.json'));
  return createHash('sha256')
    .update(lockFile)
    .update(`${process.platform} ${process.arch}`)
    .digest('hex');
}

/** Of other platforms nothing is installed. */
const isForHere = ({ os: systems, cpu, libc }) =>
  libc === undefined &&
  (systems === undefined || systems.includes(process.platform)) &&
  (cpu === undefined || cpu.includes(process.arch));

/** Whether `npm ci` was run by hand: npm writes down at its end what it has installed. */
function npmHasInstalled() {
  const written = readIfThere(path.join(root, 'node_modules', '.package-lock.json'));
  if (written === undefined) return false;
  const has = JSON.parse(written).packages;
  const lock = JSON.parse(fs.readFileSync(path.join(root, 'package-lock.json'), 'utf8'));
  return Object.entries(lock.packages).every(
    ([name, wanted]) =>
      name === '' || !isForHere(wanted) || (has[name] && has[name].version === wanted.version),
  );
}

const isInstalled = () => readIfThere(installStamp) === installFingerprint() || npmHasInstalled();

/** Installs only when the lock file is another one than at the last time. */
function install() {
  if (isInstalled()) return;
  console.error('installing the packages of package-lock.json (about 70 MB, once)');
  const flags = ['--loglevel=error', '--no-fund', '--no-audit'];
  if (!runTool('npm', ['ci', ...flags])) {
    fail(
      exitCode.build,
      'The packages could not be installed; npm said why above. Check the network and the room on the disk, then start again.',
    );
  }
  fs.writeFileSync(installStamp, installFingerprint());
}

const sourceFolders = [
  'producers',
  'consumers',
  'schemas',
  'connect',
  'lib',
  'cli',
  'ops',
  'bench',
];

function sourceFiles() {
  const files = ['package-lock.json', 'tsconfig.json', 'tsconfig.build.json'];
  for (const folder of sourceFolders) {
    if (!fs.existsSync(path.join(root, folder))) continue;
    for (const file of fs.readdirSync(path.join(root, folder), { recursive: true })) {
      if (file.endsWith('.ts') && !file.endsWith('.test.ts')) files.push(path.join(folder, file));
    }
  }
  return files.sort();
}

/** Names, sizes and times of the sources: a deleted or renamed one counts as a change too. */
function sourcesFingerprint() {
  const hash = createHash('sha256');
  for (const file of sourceFiles()) {
    const stat = fs.statSync(path.join(root, file));
    hash.update(`${file} ${stat.size} ${stat.mtimeMs}\n`);
  }
  return hash.digest('hex');
}

const compileStamp = path.join(root, 'dist', '.afterbuild-compiled');
const isCompiled = () => readIfThere(compileStamp) === sourcesFingerprint();

/** Also run by `npm run build`, which has compiled itself. */
const stampCompiled = () => fs.writeFileSync(compileStamp, sourcesFingerprint());

function compile(node) {
  if (isCompiled()) return true;
  console.error('compiling (half a minute, once)');
  const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  if (!runTool(node, [tsc, '-p', 'tsconfig.build.json'])) return false;
  stampCompiled();
  return true;
}

/** Our own Node 24 where npm has one for this platform, else the running one if it is new enough. */
function findNode() {
  const bundled = path.join(root, 'node_modules', '.bin', 'node');
  if (fs.existsSync(bundled)) return bundled;
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath;
  return fail(
    exitCode.prerequisite,
    `Node.js 24 or newer is needed on ${process.platform} ${process.arch}; this is ${process.versions.node}. Install it with: ${newerNode}`,
  );
}

function handOver(node, program, args) {
  const bin = path.join(root, 'node_modules', '.bin');
  // KafkaJS computes timeouts that may be negative; Node 24 warns and uses 1 ms, which is what is meant.
  const flags = ['--enable-source-maps', '--disable-warning=TimeoutNegativeWarning'];
  const child = spawn(node, [...flags, path.join(root, program), ...args], {
    stdio: 'inherit',
    env: { ...process.env, PATH: `${bin}${path.delimiter}${process.env.PATH}` },
  });
  // A terminal's Ctrl-C reaches the child by itself; it takes the same signal twice in a row for one.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => child.kill(signal));
  }
  child.on('error', (error) =>
    fail(exitCode.build, `${node} could not be started: ${error.message}`),
  );
  child.on('exit', (code, signal) => {
    process.exit(code === null ? 128 + os.constants.signals[signal] : code);
  });
}

/** @returns the Node to run with; undefined when the sources do not compile. */
function makeReady(name) {
  // Without the right to write here, existing builds can still be run.
  if (isInstalled() && isCompiled()) return findNode();
  if (name === 'start') {
    console.error(
      'npm start shows the pipeline at work on real servers. First, once: packages are installed, sources compiled.',
    );
  }
  return withLock(() => {
    install();
    const chosen = findNode();
    if (compile(chosen)) return chosen;
    if (name === 'test') console.log('0 passed, 1 failed');
    process.exitCode = exitCode.build;
    return undefined;
  });
}

function main() {
  const [name, ...args] = process.argv.slice(2);
  if (name === 'check') {
    checkTools(name);
    console.log('All tools are there.');
    return;
  }
  if (name === 'built') {
    stampCompiled();
    return;
  }
  const program = programs[name];
  if (program === undefined) {
    fail(
      exitCode.usage,
      `usage: node ops/local/bootstrap.mjs ${Object.keys(programs).join('|')}|check`,
    );
  }
  checkTools(name);
  const node = makeReady(name);
  if (node === undefined) console.error('The sources do not compile; tsc said why above.');
  else handOver(node, program, args);
}

main();
