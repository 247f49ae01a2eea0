// Makes and changes elements. Every text goes through textContent or an attribute, so that no value becomes markup.

const svgNamespace = 'http://www.w3.org/2000/svg';

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    node.setAttribute(name, value === true ? '' : String(value));
  }
  node.append(...children.flat().filter((child) => child !== null));
  return node;
}

export const el = (tag, attributes = {}, ...children) =>
  fill(document.createElement(tag), attributes, children);

export const svg = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS(svgNamespace, tag), attributes, children);

export const byId = (id) => document.getElementById(id);

/** Leaves an unchanged text alone, so that a selection in it stays. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setAttribute(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

/** One child for each item, in order. An item that stays keeps its element, and with it focus and open details. */
export function setList(parent, items, { keyOf, make, update }) {
  const known = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  items.forEach((item, at) => {
    const key = keyOf(item, at);
    const child = known.get(key) ?? make(item);
    child.dataset.key = key;
    known.delete(key);
    update(child, item);
    if (parent.children[at] !== child) parent.insertBefore(child, parent.children[at] ?? null);
  });
  for (const child of known.values()) child.remove();
}

/** Rows of texts: a cell is a string, or a list of elements. */
export function setRows(body, rows) {
  setList(body, rows, {
    keyOf: ({ key }) => key,
    make: ({ cells }) =>
      el('tr', {}, ...cells.map((_, at) => (at === 0 ? el('th', { scope: 'row' }) : el('td')))),
    update: (row, { cells, severity }) => {
      setAttribute(row, 'data-severity', severity ?? 'none');
      cells.forEach((cell, at) => {
        const place = row.children[at];
        if (typeof cell === 'string') setText(place, cell);
        else if (place.dataset.of !== cell.of) {
          place.dataset.of = cell.of;
          place.replaceChildren(...cell.nodes());
        }
      });
    },
  });
}

export function table(caption, titles) {
  const body = el('tbody');
  const head = el('tr', {}, ...titles.map((title) => el('th', { scope: 'col' }, title)));
  const made = el(
    'table',
    {},
    el('caption', { class: 'hidden' }, caption),
    el('thead', {}, head),
    body,
  );
  return {
    node: el('div', { class: 'scroll', tabindex: '0', role: 'group', 'aria-label': caption }, made),
    body,
  };
}

export const setTexts = (list, texts) =>
  setList(list, texts, {
    keyOf: (text) => text,
    make: () => el('li'),
    update: (item, text) => setText(item, text),
  });
