/** The paths of the page that browse topics. */
import type { FastifyInstance } from 'fastify';
import type { z } from 'zod';
import type { uiSchema } from '../../lib/process/config';
import { TopicBrowser } from './topic-browser';
import type { PageSources } from './shared-reader';

interface TopicPathsOptions {
  readonly config: z.output<typeof uiSchema>;
  readonly sources: PageSources;
}

interface RecordsQuery {
  readonly topic: string;
  readonly partition?: number;
  readonly from: 'end' | 'start' | 'offset' | 'time';
  readonly offset?: number;
  readonly time?: string;
  readonly key?: string;
  readonly limit: number;
}

/** Fastify checks a query by it, and names what does not fit. */
const recordsQuery = {
  type: 'object',
  required: ['topic'],
  additionalProperties: false,
  properties: {
    topic: { type: 'string', minLength: 1, maxLength: 249 },
    partition: { type: 'integer', minimum: 0, maximum: 100_000 },
    from: { enum: ['end', 'start', 'offset', 'time'], default: 'end' },
    offset: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
    time: { type: 'string', format: 'date-time', maxLength: 40 },
    key: { type: 'string', minLength: 1, maxLength: 500 },
    limit: { type: 'integer', minimum: 1, maximum: 100, default: 20 },
  },
} as const;

export function addTopicPaths(app: FastifyInstance, options: TopicPathsOptions): void {
  const browser = new TopicBrowser(options.config, options.sources);
  app.get('/api/topics', () => browser.topics());
  app.get<{ Querystring: RecordsQuery }>(
    '/api/records',
    { schema: { querystring: recordsQuery } },
    async (request, reply) => {
      const { time, ...query } = request.query;
      const leaving = new AbortController();
      reply.raw.once('close', () => leaving.abort());
      const timeMs = time === undefined ? null : Date.parse(time);
      const found = await browser.records({ ...query, timeMs }, leaving.signal);
      if (found === 'unknown') return reply.code(404).send({ error: 'There is no such topic.' });
      if (found === 'busy') {
        return reply.code(429).send({ error: 'Others are reading just now: try again.' });
      }
      return found;
    },
  );
}
