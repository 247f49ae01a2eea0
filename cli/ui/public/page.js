// The overview: follows the server's events and hands each state to the parts of the page.
import { addPoint, drawCurves, setHistory } from './curves.js';
import { byId, setAttribute, setText, setTexts } from './dom.js';
import { drawFlow, updateFlow } from './flow.js';
import { updateProcesses } from './processes.js';
import { drawTroubles, updateTroubles } from './troubles.js';
import { duration } from './words.js';

const lateMs = 15_000;

let state = null;
/** Between the server's clock and this machine's. */
let behindMs = 0;
let failure = null;
let isConnected = false;

const nowMs = () => Date.now() - behindMs;

function show() {
  if (state === null) return;
  const now = nowMs();
  updateFlow(state);
  updateProcesses(state, now);
  updateTroubles(state, now);
}

function showFreshness() {
  const ageMs = state === null ? Infinity : nowMs() - state.atMs;
  const isLate = ageMs > lateMs;
  const age = state === null ? 'nothing was read yet' : `read ${duration(ageMs)} ago`;
  const why = isConnected ? (failure ?? '') : 'this page’s server does not answer';
  setText(byId('freshness'), isLate && why !== '' ? `${age}: ${why}` : age);
  setAttribute(byId('freshness'), 'data-severity', isLate ? 'bad' : 'good');
  setAttribute(document.body, 'data-late', String(isLate));
  const all = [...(state?.problems ?? []), ...(failure === null ? [] : [failure])];
  const problems = [...new Set(all)];
  byId('problems').hidden = problems.length === 0;
  setTexts(byId('problems'), problems);
}

function follow() {
  const events = new EventSource('/api/live');
  const on = (name, take) =>
    events.addEventListener(name, ({ data }) => {
      take(JSON.parse(data));
      showFreshness();
    });
  on('state', (now) => {
    behindMs = Date.now() - now.atMs;
    [state, failure] = [now, null];
    show();
  });
  on('history', setHistory);
  on('point', addPoint);
  on('failure', ({ sentence }) => (failure = sentence));
  events.onopen = () => (isConnected = true);
  events.onerror = () => (isConnected = false);
}

drawFlow();
drawTroubles();
drawCurves();
follow();
setInterval(() => {
  show();
  showFreshness();
}, 1_000);
