/** A real Chromium for scenarios that look at a page. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const command = 'apt-get update && apt-get install -y --no-install-recommends chromium';

const found = (): string | undefined => places.find((path) => existsSync(path));

function install(): string | undefined {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return undefined;
  process.stderr.write(`installing Chromium, once: ${command}\n`);
  try {
    execFileSync('/bin/sh', ['-c', command], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      stdio: 'ignore',
    });
  } catch {
    return undefined;
  }
  return found();
}

/** Installs it where it is missing and this user may. @throws Error with the command that installs it. */
export function openBrowser(): Promise<Browser> {
  const executablePath = found() ?? install();
  if (executablePath === undefined) {
    throw new Error(`This test needs Chromium. Install it as root with: ${command}`);
  }
  // A container's root has no sandbox for it.
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}
