/**
 * What has to be on a machine before anything of ours can run, and the command that installs what is missing.
 *
 * Plain Node, no package, no syntax that an old Node could not read: it has to be able to say what is missing.
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';

const isMac = process.platform === 'darwin';
const goArchive = `https://go.dev/dl/go1.26.8.linux-${process.arch === 'x64' ? 'amd64' : process.arch}.tar.gz`;
const apt = (name) => `sudo apt-get update && sudo apt-get install -y ${name}`;

/** `atLeast`: [major, minor]. `version`: finds it in what the tool prints. */
const tools = [
  {
    title: 'Node.js',
    command: [process.execPath, '--version'],
    atLeast: [20, 19],
    version: /v(\d+)\.(\d+)/,
    debian:
      'curl -fsSL https://deb.nodesource.com/setup_24.x | sudo -E bash - && sudo apt-get install -y nodejs',
    mac: 'brew install node',
  },
  {
    title: 'npm',
    command: ['npm', '--version'],
    atLeast: [9, 0],
    version: /^(\d+)\.(\d+)/m,
    debian: 'sudo npm install --global npm@11 || sudo apt-get install -y npm',
    mac: 'brew install node',
  },
  {
    title: 'a JDK',
    command: [
      process.env.JAVA_HOME ? path.join(process.env.JAVA_HOME, 'bin', 'java') : 'java',
      '-version',
    ],
    atLeast: [17, 0],
    version: /version "(\d+)(?:\.(\d+))?/,
    debian: apt('openjdk-17-jdk-headless'),
    mac: 'brew install --cask temurin@17',
  },
  {
    title: 'Maven',
    command: ['mvn', '--version'],
    atLeast: [3, 6],
    version: /Apache Maven (\d+)\.(\d+)/,
    debian: apt('maven'),
    mac: 'brew install maven',
  },
  {
    title: 'Go',
    command: ['go', 'version'],
    atLeast: [1, 21],
    version: /go version go(\d+)\.(\d+)/,
    debian: `curl -fsSL ${goArchive} | sudo tar -C /usr/local -xz && export PATH="/usr/local/go/bin:$PATH"`,
    mac: 'brew install go',
  },
  {
    title: 'git',
    command: ['git', '--version'],
    atLeast: [2, 0],
    version: /git version (\d+)\.(\d+)/,
    debian: apt('git'),
    mac: 'brew install git',
  },
];

function found(tool) {
  const run = spawnSync(tool.command[0], tool.command.slice(1), {
    encoding: 'utf8',
    timeout: 30_000,
  });
  const match = tool.version.exec(`${run.stdout || ''}\n${run.stderr || ''}`);
  return match === null ? undefined : [Number(match[1]), Number(match[2] || 0)];
}

const isEnough = (version, least) =>
  version[0] > least[0] || (version[0] === least[0] && version[1] >= least[1]);

/**
 * @param {string[]} names titles of the wanted tools; all of them by default.
 * @returns {string[]} what is wrong, a sentence a tool, with the command that mends it.
 */
export function missingTools(names = tools.map((tool) => tool.title)) {
  const problems = [];
  for (const tool of tools) {
    if (!names.includes(tool.title)) continue;
    const version = found(tool);
    if (version !== undefined && isEnough(version, tool.atLeast)) continue;
    const wanted = `${tool.title} ${tool.atLeast.join('.')} or newer`;
    const has = version === undefined ? 'is missing' : `is needed; this is ${version.join('.')}`;
    problems.push(`${wanted} ${has}. Install it with: ${isMac ? tool.mac : tool.debian}`);
  }
  return problems;
}

/** The command that installs a newer Node. */
export const newerNode = isMac ? tools[0].mac : tools[0].debian;
