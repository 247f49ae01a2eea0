/** Reads the HTTP pages of a running process: health and metrics. */
import type { RunningProcess } from './running-process';
import { until } from '../until';

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** @param path for example `/readyz`; the process must have been given `HTTP_PORT=0`. */
export async function ask(process: RunningProcess, path: string): Promise<Answer> {
  const { port } = await process.logged('http.listening');
  const signal = AbortSignal.timeout(5_000);
  const answer = await fetch(`http://127.0.0.1:${String(port)}${path}`, { signal });
  return { status: answer.status, text: await answer.text() };
}

/** Waits until `/readyz` has that status and its body matches. */
export function untilReadiness(
  process: RunningProcess,
  status: number,
  body: RegExp = /./,
): Promise<void> {
  return until(`${process.name} answers ${status} on /readyz, with ${String(body)}`, async () => {
    const answer = await ask(process, '/readyz');
    return answer.status === status && body.test(answer.text);
  });
}

/** The sum over all series of a metric whose labels match; null when there is none. */
export async function metricOf(
  process: RunningProcess,
  name: string,
  labels: RegExp = /./,
): Promise<number | null> {
  const { text } = await ask(process, '/metrics');
  const values = text.split('\n').flatMap((line) => {
    const match = /^([a-z_]+)\{(.*)\} (\S+)$/.exec(line);
    return match?.[1] === name && labels.test(match[2] ?? '') ? [Number(match[3])] : [];
  });
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0);
}
