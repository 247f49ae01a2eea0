import { awaitLeaders } from './await-leaders';

const failureOf = (type: string) => Object.assign(new Error(type), { type });

test('a leader that is being elected is asked again', async () => {
  const answers: (string | Error)[] = [
    failureOf('NOT_LEADER_FOR_PARTITION'),
    failureOf('LEADER_NOT_AVAILABLE'),
    'ends',
  ];
  const ask = (): Promise<string> => {
    const answer = answers.shift()!;
    return typeof answer === 'string' ? Promise.resolve(answer) : Promise.reject(answer);
  };
  await expect(awaitLeaders(10_000, ask)).resolves.toBe('ends');
});

test('any other refusal, and an election that does not end, are thrown', async () => {
  const refused = failureOf('TOPIC_AUTHORIZATION_FAILED');
  await expect(awaitLeaders(10_000, () => Promise.reject(refused))).rejects.toBe(refused);
  const unled = failureOf('LEADER_NOT_AVAILABLE');
  await expect(awaitLeaders(0, () => Promise.reject(unled))).rejects.toBe(unled);
});
