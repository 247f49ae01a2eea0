/** Parses Debezium's lists of names: it matches whole names, ignoring case, against each expression of a list. */
export function matcherOf(list: string | undefined): (name: string) => boolean {
  const expressions = (list ?? '')
    .split(',')
    .filter((text) => text !== '')
    .map((text) => new RegExp(`^(?:${text})$`, 'i'));
  return (name) => expressions.some((expression) => expression.test(name));
}
