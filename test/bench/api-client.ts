import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Job, Times } from './asking.ts'

// The other process of the API's benchmarks: asks one thing over and over on a few connections, and says how long it took.

const DEFAULT_STATUS = { GET: 200, POST: 201 } as const
/** Seven digits each, as no caller has those of 211 or 311. */
const FIRST_NUMBER = 2_120_000
const NUMBERS = 990_000
let asked = 0

function ask(agent: Agent, job: Job, startedAt: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers: Record<string, string> = { authorization: `Bearer ${job.token}` }
    if (job.body !== null) headers['content-type'] = 'application/json'
    const value = job.values?.[asked % job.values.length] ?? ''
    const body = job.body?.replace('{value}', value).replace('{n}', String(FIRST_NUMBER + (asked++ % NUMBERS)))
    const sent = request(job.url, { agent, method: job.method, headers }, (response) => {
      response.resume()
      response.once('end', () => {
        if ([job.expected ?? DEFAULT_STATUS[job.method]].flat().includes(response.statusCode!))
          resolve(performance.now() - startedAt)
        else reject(new Error(`${job.method} ${job.url} answered ${response.statusCode}`))
      })
    })
    sent.once('error', reject)
    sent.end(body)
  })
}

/** Each connection asks again as soon as it is answered. */
async function askInTurn(agent: Agent, job: Job): Promise<number[]> {
  const times: number[] = []
  const end = performance.now() + job.milliseconds
  const connection = async (): Promise<void> => {
    while (performance.now() < end) times.push(await ask(agent, job, performance.now()))
  }
  await Promise.all(Array.from({ length: job.connections }, connection))
  return times
}

/** So many a second, answered or not; each one's time runs from when its turn had come, though every connection was taken then. */
async function askAtRate(agent: Agent, job: Job, perSecond: number): Promise<number[]> {
  const answers: Promise<number>[] = []
  const start = performance.now()
  const total = (perSecond * job.milliseconds) / 1000
  while (answers.length < total) {
    const due = Math.min(total, Math.ceil(((performance.now() - start) * perSecond) / 1000))
    while (answers.length < due) answers.push(ask(agent, job, start + (answers.length * 1000) / perSecond))
    await sleep(1)
  }
  return Promise.all(answers)
}

async function run(job: Job): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: job.connections })
  const times = job.perSecond ? await askAtRate(agent, job, job.perSecond) : await askInTurn(agent, job)
  agent.destroy()
  times.sort((a, b) => a - b)
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))]!
  const said: Times = { count: times.length, p50: at(0.5), p99: at(0.99) }
  process.send!(said)
}

process.on('message', (job: Job) => void run(job))
