import { Agent, request } from 'node:http'

// The other process of the API benchmark: asks one thing over and over on a few connections, and prints how long it took.

interface Job {
  readonly url: string
  readonly token: string
  readonly method: 'GET' | 'POST'
  /** `{n}` is another seven digits each time. */
  readonly body: string | null
  /** The status of a good answer; 200 to GET and 201 to POST unless it is said. */
  readonly expected?: number
  readonly connections: number
  readonly milliseconds: number
}

const job = JSON.parse(process.argv[2] ?? '') as Job
const agent = new Agent({ keepAlive: true, maxSockets: job.connections })
const expected = job.expected ?? (job.method === 'GET' ? 200 : 201)
let asked = 0

function ask(): Promise<number> {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now()
    const headers: Record<string, string> = { authorization: `Bearer ${job.token}` }
    if (job.body !== null) headers['content-type'] = 'application/json'
    const body = job.body?.replace('{n}', String(2_000_000 + (asked++ % 8_000_000)))
    const sent = request(job.url, { agent, method: job.method, headers }, (response) => {
      response.resume()
      response.once('end', () => {
        if (response.statusCode === expected) resolve(performance.now() - startedAt)
        else reject(new Error(`${job.method} ${job.url} answered ${response.statusCode}`))
      })
    })
    sent.once('error', reject)
    sent.end(body)
  })
}

async function askUntil(end: number, times: number[]): Promise<void> {
  while (performance.now() < end) times.push(await ask())
}

async function run(milliseconds: number): Promise<number[]> {
  const times: number[] = []
  const end = performance.now() + milliseconds
  await Promise.all(Array.from({ length: job.connections }, () => askUntil(end, times)))
  return times.toSorted((a, b) => a - b)
}

await run(job.milliseconds / 4) // Until both sides are compiled and connected.
const times = await run(job.milliseconds)
const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))]
process.stdout.write(JSON.stringify({ count: times.length, p50: at(0.5), p99: at(0.99) }))
agent.destroy()
