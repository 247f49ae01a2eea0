/** Starts the server that stores nothing, in a process of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface NullS3Counts {
  readonly requests: number;
  /** Those that were granted. */
  readonly keys: number;
  readonly slowDowns: number;
  /** Requests by method. */
  readonly GET: number;
  readonly HEAD: number;
  readonly PUT: number;
  readonly POST: number;
  readonly DELETE: number;
}

export interface NullS3 {
  readonly endpoint: string;
  counts(): Promise<NullS3Counts>;
  stop(): Promise<void>;
}

interface NullS3Options {
  /** What it grants; by default all. */
  readonly keysPerSecond?: number;
  /** Before each answer; by default none. */
  readonly latencyMs?: number;
}

export async function startNullS3(
  bucketTag: string,
  { keysPerSecond = Infinity, latencyMs = 0 }: NullS3Options = {},
): Promise<NullS3> {
  const script = join(__dirname, 'null-s3.js');
  const child = spawn(
    process.execPath,
    [script, bucketTag, String(keysPerSecond), String(latencyMs)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const [port] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const endpoint = `http://127.0.0.1:${port}`;
  return {
    endpoint,
    async counts(): Promise<NullS3Counts> {
      const answer = await fetch(`${endpoint}/counts`, { signal: AbortSignal.timeout(5_000) });
      return (await answer.json()) as NullS3Counts;
    },
    async stop(): Promise<void> {
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}
