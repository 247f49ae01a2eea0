// Dead letters, retries, change capture, Redis.
import { byId, el, setList, setRows, setText, table } from './dom.js';
import { bytes, duration, number } from './words.js';

const failed = table('Dead letters and retries', ['Topic', 'Of', 'Waiting', 'Oldest', 'Reasons']);

export function drawTroubles() {
  byId('failed').append(failed.node);
}

const reasonOf = ({ count, errorKind, reason, errorClass }) =>
  `${number(count)} ${[errorKind, reason, errorClass].filter((part) => part !== null).join(' ')}`;

const linkTo = (topic, full) => ({
  of: full,
  nodes: () => [el('a', { href: `/topics?${new URLSearchParams({ topic: full })}` }, topic)],
});

function failedRow({ kind, topic, fullTopic, group, count, isPartial, oldestAtMs, causes }, nowMs) {
  const severity = count === 0 ? 'none' : kind === 'retry' ? 'warn' : 'bad';
  return {
    key: topic,
    severity,
    cells: [
      linkTo(topic, fullTopic),
      group,
      `${number(count)}${isPartial ? ' or more' : ''}`,
      oldestAtMs === null ? '–' : duration(nowMs - oldestAtMs),
      causes.map(reasonOf).join('; ') || '–',
    ],
  };
}

function storesOf({ captured, redis, redisGuards, freed }, nowMs) {
  const { heartbeatAtMs, changeAtMs, delayMs } = captured;
  const ago = (ms) => `${duration(nowMs - ms)} ago`;
  return [
    [
      'Change capture, last sign of life',
      heartbeatAtMs === null ? 'none is known' : ago(heartbeatAtMs),
    ],
    [
      'Change capture, delay',
      changeAtMs === null
        ? 'no change is known'
        : `${delayMs === null ? 'unknown' : `${(delayMs / 1000).toFixed(1)} s`} from the commit to Kafka, at the last change ${ago(changeAtMs)}`,
    ],
    ...redis.map(({ name, usedBytes, maxBytes, fullInMs }) => [
      `Redis ${name}`,
      maxBytes === null
        ? `${bytes(usedBytes)}, without maxmemory`
        : `${bytes(usedBytes)} of ${bytes(maxBytes)} (${Math.round((100 * usedBytes) / maxBytes)} %)${fullInMs === null ? '' : `, full in ${duration(fullInMs)} at this rate`}`,
    ]),
    ...freed.map(({ process, bytes: freedBytes, perSecond }) => [
      `Bytes freed by ${process}`,
      `${bytes(freedBytes)} since its instances started${perSecond === null ? '' : `, ${bytes(Math.round(perSecond))}/s`}`,
    ]),
    ...redisGuards.map((text) => ['Redis guard', text]),
  ];
}

export function updateTroubles(state, nowMs) {
  const waiting = state.failed.filter(({ count }) => count > 0);
  const rows = waiting.length > 0 ? waiting : state.failed;
  setRows(
    failed.body,
    rows.map((one) => failedRow(one, nowMs)),
  );
  setList(byId('stores'), storesOf(state, nowMs), {
    keyOf: ([title], at) => `${at} ${title}`,
    make: () => el('div', {}, el('dt'), el('dd')),
    update: (node, [title, text]) => {
      setText(node.children[0], title);
      setText(node.children[1], text);
    },
  });
}
