// One card for each process: state and cause, the work left beside Kafka's lag, instances, partitions.
import { byId, el, setAttribute, setList, setRows, setText, setTexts, table } from './dom.js';
import { duration, number, rate, signs } from './words.js';

const parts = new WeakMap();

const figure = (title) => {
  const value = el('dd');
  return { node: el('div', {}, el('dt', {}, title), value), value };
};

function makeCard({ process }) {
  const made = {
    state: el('span', { class: 'state' }),
    sentence: el('p', { class: 'sentence' }),
    causes: el('ul', { class: 'causes' }),
    left: figure('Work left'),
    lag: figure("Kafka's own lag"),
    oldest: figure('Oldest waits'),
    speed: figure('Done'),
    eta: figure('All done in'),
    letters: figure('Dead letters'),
    why: el('p', { class: 'hint' }),
    whole: el('p', { class: 'hint' }),
    flags: el('ul', { class: 'flags', 'aria-label': 'Flags' }),
    breakers: el('ul', { class: 'breakers', 'aria-label': 'Breakers' }),
    summary: el('summary'),
    instances: table(`Instances of ${process}`, [
      ...['Instance', 'State', 'Since', 'Heard', 'Holds', '/s', 'Buffered', 'Slots'],
    ]),
    partitions: table(`Partitions of ${process}`, [
      ...['Partition', 'Held by', 'Work left', "Kafka's lag", 'Committed', 'End'],
    ]),
  };
  const figures = [made.left, made.lag, made.oldest, made.speed, made.eta, made.letters];
  const card = el(
    'article',
    { 'aria-labelledby': `name-${process}` },
    el('div', { class: 'title' }, el('h3', { id: `name-${process}` }, process), made.state),
    made.sentence,
    made.causes,
    el('dl', { class: 'figures' }, ...figures.map(({ node }) => node)),
    made.why,
    made.whole,
    made.flags,
    made.breakers,
    el('details', { open: true, class: 'instances' }, made.summary, made.instances.node),
    el('details', {}, el('summary', {}, 'Partitions and who holds them'), made.partitions.node),
  );
  parts.set(card, made);
  return card;
}

function updateCard(card, one, nowMs) {
  const made = parts.get(card);
  setAttribute(card, 'data-severity', one.severity);
  setAttribute(card, 'data-process', one.process);
  setText(made.state, `${signs[one.severity]} ${one.state}`);
  setText(made.sentence, one.sentence);
  setTexts(made.causes, one.causes);
  setText(
    made.left.value,
    one.recordsLeft === null ? 'unknown' : `${number(one.recordsLeft)} records`,
  );
  setText(made.lag.value, one.kafkaLag === null ? 'unknown' : `${number(one.kafkaLag)} records`);
  setText(made.oldest.value, one.oldestAtMs === null ? '–' : duration(nowMs - one.oldestAtMs));
  setText(made.speed.value, `${rate(one.recordsPerSecond)} records/s`);
  setText(made.eta.value, etaOf(one));
  setText(made.letters.value, number(one.deadLetters));
  setText(
    made.why,
    one.lost > 0
      ? `${one.lagSentence} ${number(one.lost)} LOST: deleted by retention before they were handled.`
      : one.lagSentence,
  );
  setText(made.whole, one.whole);
  setTexts(
    made.flags,
    one.flags.map((flag) => `flag ${flag}`),
  );
  setTexts(
    made.breakers,
    one.breakers.map((breaker) => `breaker ${breaker}`),
  );
  setText(made.summary, instancesOf(one.instances));
  setRows(
    made.instances.body,
    one.instances.map((instance) => instanceRow(instance, nowMs)),
  );
  setRows(made.partitions.body, one.partitions.map(partitionRow));
}

const etaOf = ({ recordsLeft, etaMs }) =>
  recordsLeft === 0
    ? 'nothing is left'
    : etaMs === null
      ? 'no end in sight'
      : `about ${duration(etaMs)}`;

function instancesOf(instances) {
  const counts = new Map();
  for (const { state } of instances) counts.set(state, (counts.get(state) ?? 0) + 1);
  const states = [...counts].map(([state, count]) => `${count} ${state}`);
  if (states.length === 0) return 'No instance';
  return `${instances.length} ${instances.length === 1 ? 'instance' : 'instances'}: ${states.join(', ')}`;
}

const instanceRow = (one, nowMs) => ({
  key: one.instance,
  severity: one.severity,
  cells: [
    one.instance,
    `${signs[one.severity]} ${one.state}`,
    duration(nowMs - one.sinceMs),
    `${duration(nowMs - one.heardAtMs)} ago`,
    one.holds.join('; ').replaceAll(/(\d)-(\d)/g, '$1\u2011$2') || '–',
    rate(one.recordsPerSecond),
    number(one.bufferedRecords),
    number(one.concurrency),
  ],
});

const partitionRow = (one) => ({
  key: `${one.topic}/${one.partition}`,
  cells: [
    `${one.topic} ${one.partition}`,
    one.holder ?? 'nobody just now',
    number(one.left),
    number(one.kafkaLag),
    one.committed < 0 ? 'never' : String(one.committed),
    String(one.logEnd),
  ],
});

const before = new Map();

/** Read out only what has changed: the figures change every two seconds. */
function tellNews(processes) {
  const news = processes
    .filter(({ process, state }) => before.has(process) && before.get(process) !== state)
    .map(({ process, sentence }) => `${process}: ${sentence}`);
  for (const { process, state } of processes) before.set(process, state);
  if (news.length > 0) setText(byId('news'), news.join('. '));
}

export function updateProcesses({ processes }, nowMs) {
  setList(byId('processes'), processes, {
    keyOf: ({ process }) => process,
    make: makeCard,
    update: (card, one) => updateCard(card, one, nowMs),
  });
  tellNews(processes);
}
