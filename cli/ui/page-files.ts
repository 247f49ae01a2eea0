/** The files of the page: a fixed list, read once at the start, so that no request names a path of this machine. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../lib/process/root';

interface PageFile {
  readonly contentType: string;
  readonly body: Buffer;
}

const types = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
} as const;

/** By the path of the request. They lie beside the code, not in `dist/`. */
const own = 'cli/ui/public';
const places: Readonly<Record<string, string>> = {
  '/': `${own}/index.html`,
  '/topics': `${own}/topics.html`,
  ...Object.fromEntries(
    [
      ...['page.css', 'icon.svg', 'page.js', 'dom.js', 'words.js', 'flow.js', 'processes.js'],
      ...['troubles.js', 'curves.js', 'topics.js'],
    ].map((name) => [`/${name}`, `${own}/${name}`]),
  ),
  '/uplot.js': 'node_modules/uplot/dist/uPlot.esm.js',
  '/uplot.css': 'node_modules/uplot/dist/uPlot.min.css',
};

/** @throws Error of the file system when one is missing. */
export const readPageFiles = (): ReadonlyMap<string, PageFile> =>
  new Map(
    Object.entries(places).map(([path, place]) => {
      const ending = place.slice(place.lastIndexOf('.') + 1) as keyof typeof types;
      const body = readFileSync(join(projectRoot, place));
      return [path, { contentType: types[ending], body }];
    }),
  );
