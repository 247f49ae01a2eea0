// Browses topics: the search is in the address, so that it can be sent to a colleague.
import { byId, el, setTexts } from './dom.js';
import { bytes, moment, number } from './words.js';

const form = byId('search');
const asked = new URLSearchParams(location.search);

async function ask(path) {
  const answer = await fetch(path);
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error ?? `The server answered ${answer.status}.`);
  return body;
}

function listTopics(topics) {
  const chosen = asked.get('topic');
  byId('topics').replaceChildren(
    ...topics.map(({ topic, name, records }) =>
      el(
        'li',
        {},
        el(
          'a',
          {
            href: `/topics?${new URLSearchParams({ topic })}`,
            'aria-current': topic === chosen ? 'true' : null,
          },
          el('span', {}, name),
          el('span', { class: 'count' }, records === null ? '?' : number(records)),
        ),
      ),
    ),
  );
  form.elements.topic.replaceChildren(
    ...topics.map(({ topic, name }) =>
      el('option', { value: topic, selected: topic === chosen }, name),
    ),
  );
  const known = topics.find(({ topic }) => topic === chosen);
  if (known === undefined) return;
  const { doc, key, partitions, cleanup } = known;
  byId('about').textContent = `${doc} Key: ${key}. ${partitions} partitions, ${cleanup}.`;
}

function fillForm() {
  for (const name of ['partition', 'from', 'offset', 'time', 'key', 'limit']) {
    const value = asked.get(name);
    if (value !== null && value !== '') form.elements[name].value = value;
  }
  showPlaces();
}

/** Offset and time are asked for only where they count. */
function showPlaces() {
  for (const label of form.querySelectorAll('[data-for]')) {
    label.hidden = label.dataset.for !== form.elements.from.value;
  }
}

function queryOf() {
  const query = new URLSearchParams();
  for (const [name, value] of asked) if (value !== '') query.set(name, value);
  const from = query.get('from') ?? 'end';
  if (from !== 'offset') query.delete('offset');
  const time = query.get('time');
  query.delete('time');
  if (from === 'time' && time !== null) query.set('time', new Date(time).toISOString());
  return query;
}

const part = (title, ...content) => el('div', {}, el('dt', {}, title), el('dd', {}, ...content));

function showRecord(record) {
  const {
    partition,
    offset,
    timestampMs,
    key,
    keySchema,
    valueBytes,
    valueSchema,
    value,
    damages,
    headers,
  } = record;
  const isDamaged = damages.length > 0;
  const link = new URLSearchParams({
    topic: asked.get('topic'),
    partition,
    from: 'offset',
    offset,
    limit: 1,
  });
  return el(
    'li',
    { 'data-severity': isDamaged ? 'bad' : 'none' },
    el(
      'h3',
      {},
      el('a', { href: `/topics?${link}` }, `partition ${partition}, offset ${offset}`),
      ` at ${moment(timestampMs)}`,
    ),
    el(
      'dl',
      {},
      part('Key', el('code', {}, key ?? 'none'), keySchema === null ? '' : ` ${keySchema}`),
      part(
        'Value',
        valueBytes === null ? 'none: a tombstone' : bytes(valueBytes),
        valueSchema === null ? '' : `, ${valueSchema}`,
      ),
      value === null ? null : part('Content', el('pre', {}, pretty(value))),
      ...damages.map((text) => part('■ Damaged', text)),
      asked.get('topic').endsWith('.dlq')
        ? part(
            'More about it',
            el(
              'code',
              {},
              `afterbuild dlq show --topic ${asked.get('topic')} --partition ${partition} --offset ${offset}`,
            ),
          )
        : null,
      ...headers.map(({ name, text }) => part(`Header ${name}`, el('code', {}, text))),
    ),
  );
}

/** A value that was cut is no JSON any more. */
function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function foundText({ records, searched, isCut, showsValues }) {
  const count = records.length === 1 ? '1 record' : `${records.length} records`;
  const looked = asked.get('key') ? ` with that key among ${number(searched)}` : '';
  const cut = isCut ? ' The search ended at its limit: begin it elsewhere to go on.' : '';
  const values = showsValues ? '' : ' Values are shown where UI_SHOW_VALUES is true.';
  return `${count}${looked}.${cut}${values}`;
}

async function showRecords() {
  if (!asked.get('topic')) return;
  byId('found').textContent = 'Reading …';
  const found = await ask(`/api/records?${queryOf()}`);
  byId('found').textContent = foundText(found);
  byId('problems').hidden = found.problems.length === 0;
  setTexts(byId('problems'), found.problems);
  byId('records').replaceChildren(...found.records.map(showRecord));
}

form.elements.from.addEventListener('change', showPlaces);
try {
  listTopics(await ask('/api/topics'));
  fillForm();
  await showRecords();
} catch (error) {
  byId('found').textContent = error.message;
}
