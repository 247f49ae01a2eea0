/** Finds the sentence that gives the reason in a Java stack trace. Pure. */

const causedBy = 'Caused by: ';

/**
 * The last cause, else the first line. When a class could not be found or linked, the last cause says nothing: then the
 * first line shows that two versions do not fit.
 */
export function summarizeTrace(trace: string | undefined): string {
  const lines = (trace ?? '').split('\n').map((line) => line.trim());
  const first = lines[0] ?? '';
  const cause = lines.findLast((line) => line.startsWith(causedBy))?.slice(causedBy.length);
  const linking = [first, ...lines].find((line) =>
    /\b(NoClassDefFound|NoSuchMethod|NoSuchField|UnsupportedClassVersion|Linkage)Error\b/.test(
      line,
    ),
  );
  if (linking !== undefined) {
    const said = linking.startsWith(causedBy) ? linking.slice(causedBy.length) : linking;
    return `${said.slice(0, 400)}: this Debezium and this Kafka Connect do not fit together`;
  }
  // The class in front of the sentence says little, unless it is all there is.
  const sentence = (cause ?? first).replace(/^[\w.$]+(Exception|Error): (?=.* )/, '');
  return sentence === '' ? 'Connect gave no reason' : sentence.slice(0, 500);
}
