import { summarizeTrace } from './summarize-trace';

test.each([
  ['a.b.PSQLException: no slot\n\tat x', 'no slot'],
  [
    'a.Outer: top\nCaused by: a.Inner: mid\nCaused by: a.b.IOException: it went deep',
    'it went deep',
  ],
  [
    'a.Outer: top\nCaused by: a.b.ClassNotFoundException: org.x.Y',
    'a.b.ClassNotFoundException: org.x.Y',
  ],
  ['java.lang.NullPointerException', 'java.lang.NullPointerException'],
  [undefined, 'Connect gave no reason'],
])('the reason in %j is %j', (trace, expected) => {
  expect(summarizeTrace(trace)).toBe(expected);
});

test('a class that another version has moved is named as it stands in the first line', () => {
  const trace = `java.lang.NoClassDefFoundError: org/apache/kafka/common/utils/Sanitizer
\tat io.debezium.metrics.Metrics.metricName(Metrics.java:72)
Caused by: java.lang.ClassNotFoundException: org.apache.kafka.common.utils.Sanitizer
\t... 12 more`;
  expect(summarizeTrace(trace)).toMatch(
    /^java\.lang\.NoClassDefFoundError: org\/apache\/kafka\/common\/utils\/Sanitizer: .*do not fit together$/,
  );
});
