import { z } from 'zod'
import { endpoint, type Endpoint } from './endpoint.ts'
import type { Kit } from './kit.ts'
import type { HealthCheck } from './needs.ts'

/** Checks are made at most this often: anybody may ask, and each may cost the database a query. */
const MEMORY_MS = 1000

const Status = z.enum(['up', 'degraded', 'down'])
const Answer = z.strictObject({
  status: Status,
  version: z.string(),
  checks: z.array(z.strictObject({ name: z.string(), status: Status, detail: z.string().optional() })),
  uptime: z.number().meta({ description: 'Seconds' }),
})

/** Whether the process is well (for people), alive (for its supervisor) and ready for calls (for its balancer). */
export function healthEndpoints(kit: Kit): Endpoint[] {
  const { health, clock } = kit
  const startedAt = clock.monotonicMs()
  let asked = { at: -Infinity, checks: Promise.resolve<readonly HealthCheck[]>([]) }

  function checks(): Promise<readonly HealthCheck[]> {
    if (clock.monotonicMs() - asked.at >= MEMORY_MS) asked = { at: clock.monotonicMs(), checks: health.checks() }
    return asked.checks
  }

  const common = { method: 'get', tag: 'health', who: 'anyone', rootOnly: true } as const
  return [
    endpoint({
      ...common,
      path: '/health',
      summary: 'How each part is; 503 when one it cannot do without is down',
      answers: { 200: Answer, 503: Answer },
      async handle() {
        const found = await checks()
        const status = worstOf(found)
        const uptime = Math.round(clock.monotonicMs() - startedAt) / 1000
        return { status: status === 'down' ? 503 : 200, body: { status, version: kit.version, checks: found, uptime } }
      },
    }),
    endpoint({
      ...common,
      path: '/health/live',
      summary: 'The process answers',
      answers: { 200: z.strictObject({ status: z.literal('up') }) },
      handle: () => ({ status: 200, body: { status: 'up' } }),
    }),
    endpoint({
      ...common,
      path: '/health/ready',
      summary: 'It can take calls: 200 from “ready” until it drains, else 503',
      answers: {
        200: z.strictObject({ status: z.literal('ready') }),
        503: z.strictObject({ status: z.literal('not_ready') }),
      },
      handle: () =>
        health.ready() ? { status: 200, body: { status: 'ready' } } : { status: 503, body: { status: 'not_ready' } },
    }),
  ]
}

function worstOf(checks: readonly HealthCheck[]): HealthCheck['status'] {
  if (checks.some((check) => check.status === 'down')) return 'down'
  return checks.some((check) => check.status === 'degraded') ? 'degraded' : 'up'
}
