/** Compares docs/glossary.md with the code: every term of it occurs there, and each is listed once. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../lib/process/root';

const rooms = ['lib', 'consumers', 'producers', 'connect', 'cli', 'ops'];

const code = rooms
  .flatMap((room) =>
    readdirSync(join(projectRoot, room), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
      .map((file) => readFileSync(join(projectRoot, room, file), 'utf8')),
  )
  .join('\n');

const glossary = readFileSync(join(projectRoot, 'docs/glossary.md'), 'utf8');
const terms = [...glossary.matchAll(/^- \*\*(.+?)\*\*: /gm)].map(([, term]) => term!);

/** A comment may break a line inside a term, and names join its words: `commitMap`, `commit-map`. */
const occurs = (term: string): boolean =>
  new RegExp(term.replace(/ /g, '(?:[-_ ]|\\s+\\* |\\s+// )?'), 'i').test(code);

test('the glossary has at least fifty terms, each of them once', () => {
  expect(terms.length).toBeGreaterThanOrEqual(50);
  expect(new Set(terms.map((term) => term.toLowerCase())).size).toBe(terms.length);
});

test.each(terms)('%s occurs in the code', (term) => {
  expect(occurs(term)).toBe(true);
});
