import { startApi } from '../support/api-harness.ts'
import { Asking } from './asking.ts'
import type { BenchResult } from './bench-result.ts'

const CONNECTIONS = 8
const MILLISECONDS = 2_000

/** What a request costs over real HTTP: the API on memory stores here, the client in another process. */
export async function run(): Promise<BenchResult[]> {
  const api = await startApi()
  const client = new Asking()
  try {
    const { token } = await api.person('buyer')
    await api.request('POST', 'targets', { token, json: { name: 't', uri: 'sip:sales@buyer.example' } })
    const criteria = { verticals: ['home_services'], geography: { states: ['TX', 'OK'] } }
    const bid = { amount: '2.50', billable_after: 60, criteria }
    const made = await api.request('POST', 'bids', { token, json: bid })
    return [
      ...(await measure(client, 'get_bid', `${api.url}/api/v1/bids/${made.body.id}`, token, null)),
      ...(await measure(client, 'post_bid', `${api.url}/api/v1/bids`, token, JSON.stringify(bid))),
    ]
  } finally {
    await client.close()
    await api.api.close()
  }
}

async function measure(
  client: Asking,
  name: string,
  url: string,
  token: string,
  body: string | null,
): Promise<BenchResult[]> {
  const method = body === null ? 'GET' : 'POST'
  const job = { url, token, method, body, connections: CONNECTIONS, milliseconds: MILLISECONDS } as const
  await client.ask({ ...job, milliseconds: MILLISECONDS / 4 }) // Until both sides are compiled and connected.
  const { count, p50, p99, cpuMicros } = await client.measure(job)
  const detail = `${method} a bid, ${CONNECTIONS} connections, memory stores, client in another process`
  return [
    { name: `api.${name}.p50`, value: p50, unit: 'ms', detail },
    { name: `api.${name}.p99`, value: p99, unit: 'ms', detail },
    { name: `api.${name}.rate`, value: (count / MILLISECONDS) * 1000, unit: '1/s', detail },
    { name: `api.${name}.cpu`, value: cpuMicros, unit: 'us', detail: `CPU of the server, each ${detail}` },
  ]
}
