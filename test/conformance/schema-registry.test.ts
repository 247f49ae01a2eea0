/** The real registry keeps a subject BACKWARD_TRANSITIVE and refuses what would break its readers. */
import { randomUUID } from 'node:crypto';
import { registerSchemas } from '../../cli/schemas';
import { createRegistry, type Registry } from '../../lib/avro/registry';
import { loadSchema, type RecordSchema } from '../../lib/avro/schema-file';
import { topics } from '../../lib/kafka/topics/topics';
import { systemClock } from '../../lib/process/clock';
import { currentStack } from '../support/stack/stack';

const namespace = `t${randomUUID().slice(0, 8)}.`;
const subject = `${namespace}artifacts.expired-value`;
const schema = loadSchema('artifacts.expired');
const signal = new AbortController().signal;
let url: string;
let registry: Registry;

beforeAll(() => {
  url = currentStack().addresses.registryUrl;
  registry = createRegistry({ url, clock: systemClock });
});

async function get(path: string): Promise<unknown> {
  const response = await fetch(`${url}${path}`, { signal: AbortSignal.timeout(10_000) });
  return response.json();
}

const withField = (field: object): RecordSchema => ({
  ...schema,
  fields: [...schema.fields, field],
});

test('registering twice gives the same ids and one version a subject', async () => {
  const first = await registerSchemas(registry, namespace, signal);
  const second = await registerSchemas(
    createRegistry({ url, clock: systemClock }),
    namespace,
    signal,
  );
  expect(second).toEqual(first);
  expect(first.map((one) => one.subject).sort()).toEqual(
    topics
      .flatMap(({ name, schema: own }) => (own === null ? [] : [`${namespace}${name}-value`]))
      .sort(),
  );
  expect(await get(`/subjects/${subject}/versions`)).toEqual([1]);
});

test('every subject is set to BACKWARD_TRANSITIVE by itself, with any default of the registry', async () => {
  const registered = await registerSchemas(registry, namespace, signal);
  for (const one of registered) {
    expect(await get(`/config/${one.subject}`)).toEqual({
      compatibilityLevel: 'BACKWARD_TRANSITIVE',
    });
  }
});

test('an incompatible change is refused with the subject and the reason', async () => {
  await registerSchemas(registry, namespace, signal);
  const breaking = withField({ name: 'added', type: 'string' });
  await expect(
    createRegistry({ url, clock: systemClock }).register(subject, breaking),
  ).rejects.toThrow(new RegExp(`refuses the schema of ${subject}.*Every version must`, 's'));
  expect(await get(`/subjects/${subject}/versions`)).toEqual([1]);
});

test('a field with a default becomes version 2', async () => {
  await registerSchemas(registry, namespace, signal);
  const extended = withField({ name: 'added', type: ['null', 'string'], default: null });
  await createRegistry({ url, clock: systemClock }).register(subject, extended);
  expect(await get(`/subjects/${subject}/versions`)).toEqual([1, 2]);
});

test('a subject that lost its level gets it again, and goes on', async () => {
  const [{ subject: own, id }] = (await registerSchemas(registry, namespace, signal)) as [
    { subject: string; id: number },
  ];
  await fetch(`${url}/config/${own}`, { method: 'DELETE' });
  expect(await get(`/config/${own}`)).toEqual({ compatibilityLevel: 'NONE' });
  const another = createRegistry({ url, clock: systemClock });
  expect((await registerSchemas(another, namespace, signal))[0]).toEqual({ subject: own, id });
  expect(await get(`/config/${own}`)).toEqual({ compatibilityLevel: 'BACKWARD_TRANSITIVE' });
});
