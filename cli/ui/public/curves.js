// The last hour as curves.
import uPlot from '/uplot.js';
import { byId, el, setText } from './dom.js';
import { bytes, rate } from './words.js';

const processes = ['expired-artifacts', 'finished-builds', 'artifact-deleter', 'trace-archiver'];
const each = (kind) => processes.map((process) => ({ name: `${kind}/${process}`, label: process }));
const charts = [
  { title: 'Work left, records', series: each('left'), text: rate },
  { title: 'Done, records a second', series: each('rate'), text: rate },
  {
    title: 'Dead letters that wait',
    series: [{ name: 'deadLetters', label: 'dead letters' }],
    text: rate,
  },
  {
    title: "Change capture's delay, seconds",
    series: [{ name: 'captureDelay', label: 'delay' }],
    text: rate,
  },
  {
    title: 'Bytes freed a second',
    series: [{ name: 'freed', label: 'freed' }],
    text: (value) => (value === null ? '–' : bytes(Math.round(value))),
  },
  {
    title: 'Redis memory',
    series: [{ name: 'redisUsed', label: 'used' }],
    text: (value) => (value === null ? '–' : bytes(value)),
  },
];

const keptMs = 3_600_000;
const dashes = [[], [8, 4], [2, 3], [10, 3, 2, 3]];
const drawn = [];
let points = [];

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function optionsOf({ series, text }, width) {
  const axis = {
    stroke: style('--text'),
    grid: { stroke: style('--line'), width: 1 },
    ticks: { stroke: style('--line'), width: 1 },
  };
  return {
    width,
    height: 190,
    cursor: { drag: { x: false, y: false } },
    legend: { live: true },
    scales: {
      y: { range: (_, min, max) => [Math.min(0, min ?? 0), Math.max(1, (max ?? 0) * 1.1)] },
    },
    axes: [
      {
        ...axis,
        values: (_, at, __, ___, step) =>
          at.map((second) => {
            const clock = new Date(second * 1000).toLocaleTimeString('en-GB');
            return step < 60 ? clock : clock.slice(0, 5);
          }),
      },
      { ...axis, size: 84, values: (_, at) => at.map((value) => text(value)) },
    ],
    series: [
      {
        label: 'time',
        value: (_, second) =>
          second === null ? '–' : new Date(second * 1000).toLocaleTimeString('en-GB'),
      },
      ...series.map(({ label }, at) => ({
        ...{ label, stroke: style(`--curve-${at}`), width: 2, dash: dashes[at], spanGaps: false },
        value: (_, value) => text(value),
        points: { show: false },
      })),
    ],
  };
}

const dataOf = ({ series }) => [
  points.map(({ atMs }) => atMs / 1000),
  ...series.map(({ name }) => points.map(({ values }) => values[name] ?? null)),
];

const widthOf = (place) => Math.max(280, place.clientWidth);

function draw() {
  for (const { chart, place, words } of drawn) {
    place.replaceChildren();
    const plot = new uPlot(optionsOf(chart, widthOf(place)), dataOf(chart), place);
    plot.root.setAttribute('aria-hidden', 'true');
    drawn.find((one) => one.chart === chart).plot = plot;
    setText(words, inWords(chart));
  }
}

/** For those who do not see the curve: where it stands, and between which values it was. */
const inWords = ({ series, text }) =>
  series
    .map(({ name, label }) => {
      const known = points.flatMap(({ values }) => values[name] ?? []);
      if (known.length === 0) return `${label}: unknown`;
      return `${label}: now ${text(known.at(-1))}, between ${text(Math.min(...known))} and ${text(Math.max(...known))}`;
    })
    .join('; ');

export function drawCurves() {
  for (const chart of charts) {
    const place = el('div', { class: 'plot' });
    const words = el('p', { class: 'hidden' });
    byId('curves').append(el('figure', {}, el('figcaption', {}, chart.title), place, words));
    drawn.push({ chart, place, words, plot: null });
  }
  draw();
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
  new ResizeObserver(() => {
    for (const { plot, place } of drawn) {
      if (plot !== null && plot.width !== widthOf(place))
        plot.setSize({ width: widthOf(place), height: 190 });
    }
  }).observe(byId('curves'));
}

function refresh() {
  for (const { chart, plot, words } of drawn) {
    plot?.setData(dataOf(chart));
    setText(words, inWords(chart));
  }
}

export function setHistory(all) {
  points = all;
  refresh();
}

export function addPoint(point) {
  points = [...points, point].filter(({ atMs }) => atMs > point.atMs - keptMs);
  refresh();
}
