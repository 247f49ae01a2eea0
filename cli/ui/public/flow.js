// The way of the data as a picture: what stands where, and how much goes along each arrow just now.
import { byId, setAttribute, setText, svg } from './dom.js';
import { rate, signs } from './words.js';

const boxes = [
  { id: 'postgres', x: 10, y: 130, w: 120, lines: ['PostgreSQL', 'of GitLab'] },
  { id: 'connect', x: 210, y: 130, w: 120, lines: ['Debezium', 'change capture'] },
  { id: 'expired-artifacts', x: 430, y: 50, w: 150, lines: ['expired-artifacts'] },
  { id: 'finished-builds', x: 430, y: 210, w: 150, lines: ['finished-builds'] },
  { id: 'artifact-deleter', x: 760, y: 50, w: 150, lines: ['artifact-deleter'] },
  { id: 'trace-archiver', x: 760, y: 210, w: 150, lines: ['trace-archiver'] },
  { id: 'delete', x: 1030, y: 50, w: 140, lines: ['Deleted', 'rows, then objects'] },
  { id: 'archive', x: 1030, y: 210, w: 140, lines: ['Archived', 'traces in S3'] },
];
const height = 60;

/** `rate` names the figure on the arrow; `dash` is a way that is not measured. */
const arrows = [
  { d: 'M130 160H206', dash: true, text: 'changes', x: 168, y: 150 },
  {
    d: 'M330 150C375 150 380 95 426 88',
    rate: 'in/expired-artifacts',
    x: 362,
    y: 96,
    words: 'changes of artifacts come in',
  },
  {
    d: 'M330 170C375 170 380 225 426 232',
    rate: 'in/finished-builds',
    x: 362,
    y: 240,
    words: 'changes of builds come in',
  },
  { d: 'M70 130C70 20 300 20 505 20V46', dash: true, text: 'sweep by time', x: 250, y: 16 },
  {
    d: 'M70 190C70 310 300 310 505 310V274',
    dash: true,
    text: 'sweep of stale builds',
    x: 250,
    y: 322,
  },
  {
    d: 'M580 80H756',
    rate: 'in/artifact-deleter',
    topic: 'artifacts.expired',
    x: 668,
    y: 70,
    words: 'records of artifacts to delete come in',
  },
  {
    d: 'M580 240H756',
    rate: 'in/trace-archiver',
    topic: 'builds.finished',
    x: 668,
    y: 230,
    words: 'records of builds to archive come in',
  },
  {
    d: 'M910 80H1026',
    rate: 'items/artifact-deleter',
    unit: 'artifacts/s',
    x: 968,
    y: 70,
    words: 'artifacts are deleted',
  },
  {
    d: 'M910 240H1026',
    rate: 'items/trace-archiver',
    unit: 'builds/s',
    x: 968,
    y: 230,
    words: 'builds are archived',
  },
];

const states = new Map();
const rates = new Map();

function drawBox({ id, x, y, w, lines }) {
  const middle = x + w / 2;
  const first = lines.length === 1 ? y + 26 : y + 26;
  const texts = lines.map((line, at) =>
    svg('text', { x: middle, y: first + 17 * at, class: at === 0 ? 'title' : 'note' }, line),
  );
  const state = svg('text', { x: middle, y: y + 45, class: 'note' });
  if (lines.length === 1) states.set(id, state);
  const box = svg(
    'g',
    { id: `box-${id}`, 'data-severity': 'none' },
    svg('rect', { x, y, width: w, height, rx: 8 }),
    ...texts,
  );
  if (lines.length === 1) box.append(state);
  return box;
}

function drawArrow({ d, dash, text, topic, x, y, rate: name }) {
  const path = svg('path', {
    d,
    class: dash ? 'arrow dashed' : 'arrow',
    'marker-end': 'url(#head)',
  });
  const label = svg('text', { x, y, class: dash ? 'note' : 'rate' }, text ?? '–');
  if (name !== undefined) rates.set(name, { label, path });
  const below = topic === undefined ? [] : [svg('text', { x, y: y + 28, class: 'note' }, topic)];
  return [path, label, ...below];
}

export function drawFlow() {
  const head = svg(
    'marker',
    {
      id: 'head',
      viewBox: '0 0 10 10',
      refX: 9,
      refY: 5,
      markerUnits: 'userSpaceOnUse',
      markerWidth: 12,
      markerHeight: 12,
      orient: 'auto',
    },
    svg('path', { d: 'M0 0 10 5 0 10z', class: 'head' }),
  );
  byId('flow').append(svg('defs', {}, head), ...arrows.flatMap(drawArrow), ...boxes.map(drawBox));
}

export function updateFlow({ arrows: now, nodes, processes }) {
  for (const { rate: name, unit = '/s' } of arrows) {
    if (name === undefined) continue;
    const { label, path } = rates.get(name);
    const value = now[name] ?? null;
    setText(label, value === null ? '–' : `${rate(value)} ${unit}`);
    setAttribute(path, 'class', value > 0 ? 'arrow moving' : 'arrow');
  }
  for (const [id, severity] of Object.entries(nodes)) {
    const box = byId(`box-${id}`);
    if (box !== null) setAttribute(box, 'data-severity', severity);
  }
  for (const { process, state, severity, recordsLeft } of processes) {
    const left = recordsLeft ? `, ${rate(recordsLeft)} left` : '';
    setText(states.get(process), `${signs[severity]} ${state}${left}`);
  }
  setText(byId('flow-text'), inWords(now, processes));
}

const inWords = (now, processes) =>
  [
    ...arrows
      .filter(({ words }) => words !== undefined)
      .map(({ rate: name, words }) => `${words}: ${rate(now[name])} a second`),
    ...processes.map(({ process, state }) => `${process} is ${state}`),
  ].join('; ');
