import { KafkaJSNonRetriableError, KafkaJSProtocolError } from 'kafkajs';
import { MissingRightError, groupNeed, nameRefusal, needing, topicNeed } from './missing-right';

const refused = (type: string) =>
  new KafkaJSProtocolError(Object.assign(new Error('Not authorized'), { type, code: 29 }));

const needs = [topicNeed('DESCRIBE', 'things'), groupNeed('READ', 'readers')];

test('a refusal names principal, operation and what was refused', () => {
  expect(nameRefusal('operator', refused('TOPIC_AUTHORIZATION_FAILED'), needs)).toMatchObject({
    message: expect.stringMatching(
      /^Kafka refuses operator DESCRIBE on the topic things: grant User:operator that right/,
    ) as string,
  });
  expect(nameRefusal('operator', refused('GROUP_AUTHORIZATION_FAILED'), needs)).toMatchObject({
    need: { operation: 'READ', resource: 'group', names: ['readers'] },
  });
});

test('a refusal is found in causes and among collected errors', () => {
  const inner = refused('TOPIC_AUTHORIZATION_FAILED');
  const wrapped = Object.assign(new KafkaJSNonRetriableError('given up'), { cause: inner });
  const collected = Object.assign(new Error('some failed'), { errors: [new Error('no'), inner] });
  for (const error of [new Error('given up', { cause: inner }), wrapped, collected]) {
    expect(nameRefusal('operator', error, needs)).toBeInstanceOf(MissingRightError);
  }
});

test('what is no refusal, or one that was not foreseen, stays as it is', async () => {
  for (const error of [new Error('away'), refused('CLUSTER_AUTHORIZATION_FAILED')]) {
    await expect(needing('operator', needs, () => Promise.reject(error))).rejects.toBe(error);
  }
});

test('a right that is named already is not named again', () => {
  const named = nameRefusal('operator', refused('TOPIC_AUTHORIZATION_FAILED'), needs);
  expect(nameRefusal('operator', named, [topicNeed('READ', 'others')])).toBe(named);
});
