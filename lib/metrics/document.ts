/** Writes docs/metrics.md from the definitions: `npm run metrics:document`. A unit test keeps the two equal. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../process/root';
import { metricDefinitions, type MetricDefinition } from './definitions';

export const metricsDocument = join(projectRoot, 'docs/metrics.md');

const head = `# Metrics

Every process shows them on \`/metrics\` when \`HTTP_PORT\` is set, each series with the label \`process\`. This page is
written by \`npm run metrics:document\` from [lib/metrics/definitions.ts](../lib/metrics/definitions.ts), where the same
sentences become the help texts that Prometheus shows. Beside these there are the usual \`process_*\` and \`nodejs_*\` of
[@prometheus-io/client](https://github.com/prometheus/client_js).
`;

/** The whole page. */
export function describeMetrics(): string {
  const rows = Object.entries<MetricDefinition>(metricDefinitions).map(
    ([name, { type, labels, moves, act }]) => [
      `\`${name}\``,
      type,
      labels.map((label) => `\`${label}\``).join(', ') || '–',
      moves,
      act,
    ],
  );
  return `${head}\n${table([['metric', 'type', 'labels', 'what moves it', 'what to do'], ...rows])}`;
}

/** With its columns padded, as the formatter wants it. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  const [header = '', ...body] = rows.map((row) =>
    line(row.map((cell, column) => cell.padEnd(widths[column] ?? 0))),
  );
  return [header, line(widths.map((width) => '-'.repeat(width))), ...body].join('');
}

if (require.main === module) writeFileSync(metricsDocument, describeMetrics());
