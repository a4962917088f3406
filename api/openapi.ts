import { z } from 'zod'
import type { Endpoint } from './endpoint.ts'
import { PROBLEM_TYPE } from './problems.ts'

type Json = Record<string, unknown>

const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  errors: z.array(z.object({ pointer: z.string(), detail: z.string(), code: z.string() })),
})

/** The OpenAPI 3.1 description of the endpoints, made from the schemas that also check the requests. */
export function describeApi(endpoints: readonly Endpoint[], version: string): Json {
  const paths: Record<string, Json> = {}
  for (const declared of endpoints) {
    const prefixes = declared.rootOnly ? [''] : declared.bare ? ['/api/v1', ''] : ['/api/v1']
    for (const prefix of prefixes) {
      const path = (paths[prefix + declared.path] ??= {})
      path[declared.method] = describeOperation(declared, prefix)
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Dependable Call Exchange',
      version,
      description:
        'Money is a decimal string, times are RFC 3339 in UTC, numbers E.164. Errors are RFC 9457 problems. Writes take Idempotency-Key, updates If-Match.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'An access token (JWT, RS256) or an API key' },
      },
      schemas: { Problem: schemaOf(Problem, 'output') },
    },
  }
}

function describeOperation(declared: Endpoint, prefix: string): Json {
  const { method, path, tag, summary, who, query, body, streams, answers } = declared
  const answered = Object.fromEntries(
    Object.entries(answers).map(([status, answer]) => [
      status,
      typeof answer === 'string'
        ? { description: answer }
        : {
            description: summary,
            content: {
              'application/json': { schema: schemaOf(answer, 'output') },
              ...(status === '200' ? Object.fromEntries((declared.otherTypes ?? []).map((type) => [type, {}])) : {}),
            },
          },
    ]),
  )
  const text = { schema: { type: 'string' } }
  const types = streams ?? []
  const content = body
    ? { 'application/json': { schema: schemaOf(body, 'input') } }
    : Object.fromEntries(types.map((type) => [type, text]))
  return {
    operationId: `${method}${`${prefix === '' && declared.bare ? '/bare' : ''}${path}`.replace(/[^A-Za-z0-9]+(\w?)/g, (_match, letter: string) => letter.toUpperCase())}`,
    tags: [tag],
    summary: who === 'anyone' ? summary : `${summary} (${who.join(', ')})`,
    ...(who === 'anyone' ? {} : { security: [{ bearer: [] }] }),
    parameters: [...pathParameters(path), ...queryParameters(query), ...headerParameters(declared)],
    ...(Object.keys(content).length > 0 ? { requestBody: { required: !declared.bodyOptional, content } } : {}),
    responses: {
      ...answered,
      default: {
        description: 'A problem',
        content: { [PROBLEM_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
  }
}

function pathParameters(path: string): Json[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string', ...(name === 'id' || name?.endsWith('_id') ? { format: 'uuid' } : {}) },
  }))
}

function queryParameters(query: z.ZodType | undefined): Json[] {
  if (!query) return []
  const { properties = {}, required = [] } = schemaOf(query, 'input') as {
    properties?: Record<string, Json>
    required?: string[]
  }
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
  }))
}

function header(name: string, description: string): Json {
  return { name, in: 'header', description, schema: { type: 'string' } }
}

function headerParameters({ method, who }: Endpoint): Json[] {
  if (method === 'get' || who === 'anyone') return []
  const once = header('Idempotency-Key', 'A repeat with the same key and body hears the first answer')
  return method === 'post'
    ? [once]
    : [once, header('If-Match', 'The ETag this change builds on; 412 when it has moved')]
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _dialect, ...json } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Json
  return json
}
