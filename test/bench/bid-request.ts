import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { validatePhone } from '../../compliance/validate-phone.ts'
import { loadPlaces } from '../../config/reference-data.ts'
import { countAnswered } from '../../gateway/start/count-answered.ts'
import type { BookChange } from '../../model/book.ts'
import type { Ping, PingAnswer } from '../../model/ping.ts'
import { startApi } from '../support/api-harness.ts'
import { NUMBER, PingStage, SELLER } from '../support/ping-stage.ts'
import { Asking, type Measured } from './asking.ts'
import type { BenchResult } from './bench-result.ts'
import { buildMarket } from './routing-market.ts'

const BIDS = 10_000
const ELIGIBLE = 100
const CONNECTIONS = 16
/** The exchange and the floor in turn: a machine that is slow for a while is slow for both. */
const ROUNDS = 5
const MILLISECONDS = 1_000
const WARM_UP_MS = 2_000
/** Short, so that as many pings end as begin. */
const VALIDITY_MS = 1_000
const ASKED = 20_000

/**
 * What a ping costs: decided in memory, and asked over real HTTP. Every one is of another caller, so every one is decided,
 * accepted, kept and in the end given back.
 */
export async function run(): Promise<BenchResult[]> {
  const stage = new PingStage({ validityMs: VALIDITY_MS, maxOpen: 1e6, maxOpenPerSeller: 1e6, maxPerSecond: 1e6 })
  stage.apply(...buildMarket(BIDS, ELIGIBLE).changes.map(roomy))
  // The stage's clock is moved by hand: here time is what it is.
  const started = performance.now()
  const startedAtMs = stage.clock.nowMs
  const tick = (): number => (stage.clock.nowMs = startedAtMs + (performance.now() - started))
  const detail = `${BIDS} standing bids, ${ELIGIBLE} eligible`
  const decided = decide(stage, tick)
  const served = await serve(stage, tick)
  return [
    {
      name: 'bid-request.decide',
      value: decided,
      unit: 'us',
      detail: `CPU of one ping in memory, its end included; ${detail}`,
    },
    ...served.map((result) => ({ ...result, detail: `${result.detail}; ${detail}` })),
  ]
}

/** Open pings fill places: here there are enough of them, so that each ping is accepted. */
function roomy(change: BookChange): BookChange {
  if (change.kind === 'bid' && change.value) return { ...change, value: { ...change.value, maxConcurrentCalls: null } }
  if (change.kind === 'target' && change.value)
    return { ...change, value: { ...change.value, maxConcurrentCalls: null } }
  if (change.kind !== 'campaign' || !change.value) return change
  return { ...change, value: { ...change.value, caps: { ...change.value.caps, concurrent: null } } }
}

function decide(stage: PingStage, tick: () => number): number {
  const ask = (i: number): PingAnswer => {
    tick()
    return stage.ask({ caller: `+1212${2_000_000 + i}` as Ping['caller'] })
  }
  for (let i = 0; i < ASKED; i++) ask(i)
  const cpu = process.cpuUsage()
  let accepted = 0
  for (let i = 0; i < ASKED; i++) if (ask(i + ASKED).kind === 'accepted') accepted++
  const { user, system } = process.cpuUsage(cpu)
  if (accepted < ASKED) throw new Error(`${ASKED - accepted} pings were not accepted`)
  stage.pass(VALIDITY_MS)
  return (user + system) / ASKED
}

async function serve(stage: PingStage, tick: () => number): Promise<BenchResult[]> {
  const places = loadPlaces()
  const api = await startApi({
    pings: {
      ownerOf: () => seller.account.id,
      onlyNumberOf: () => NUMBER,
      ask(ping) {
        tick()
        return stage.ask({ ...ping, sellerId: SELLER })
      },
      quoted: () => null,
      decision: () => null,
    },
    // As the gateway has them.
    validatePhone: (text) => validatePhone(text, places),
    onRequest: countAnswered(stage.parts.telemetry),
  })
  const seller = await api.person('seller')
  const { body } = await api.request('POST', `accounts/${seller.account.id}/api-keys`, {
    token: seller.token,
    json: { name: 'bench', scope: 'ping' },
  })
  const floor = await listen(createServer(answering()))
  const expiring = setInterval(() => (tick(), stage.pass(0)), 250)
  const client = new Asking()
  try {
    const asked = { caller: '+1212{n}', number: NUMBER, zip: '10001', tags: { sub_id: '7' } }
    const job = {
      token: body.secret as string,
      method: 'POST',
      body: JSON.stringify(asked),
      expected: 200,
      connections: CONNECTIONS,
      milliseconds: MILLISECONDS,
    } as const
    const ours = { ...job, url: `${api.url}/bid-request` }
    const bare = { ...job, url: `http://127.0.0.1:${(floor.address() as AddressInfo).port}/bid-request` }
    for (const one of [ours, bare]) await client.ask({ ...one, milliseconds: WARM_UP_MS })
    const rounds: { ours: Measured; bare: Measured }[] = []
    for (let i = 0; i < ROUNDS; i++) rounds.push({ ours: await client.measure(ours), bare: await client.measure(bare) })
    const middle = (of: (round: { ours: Measured; bare: Measured }) => number): number =>
      rounds.map(of).toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)]!
    const micros = middle((round) => round.ours.cpuMicros)
    const detail = `${CONNECTIONS} connections, the client in another process; the middle of ${ROUNDS} rounds`
    return [
      { name: 'bid-request.cpu', value: micros, unit: 'us', detail: `CPU of the server for each; ${detail}` },
      {
        name: 'bid-request.floor',
        value: middle((round) => round.bare.cpuMicros),
        unit: 'us',
        detail: `the same of an Express handler that reads the body and answers with a text; ${detail}`,
      },
      {
        name: 'bid-request.to_floor',
        value: middle((round) => round.ours.cpuMicros / round.bare.cpuMicros),
        unit: 'ratio',
        detail: `times the floor, each round by itself; ${detail}`,
      },
      {
        name: 'bid-request.per_core',
        value: 1e6 / micros,
        unit: '1/s',
        detail: `what a core has the time for; ${detail}`,
      },
      {
        name: 'bid-request.rate',
        value: (middle((round) => round.ours.count) / MILLISECONDS) * 1000,
        unit: '1/s',
        detail,
      },
      { name: 'bid-request.p50', value: middle((round) => round.ours.p50), unit: 'ms', detail },
      { name: 'bid-request.p99', value: middle((round) => round.ours.p99), unit: 'ms', detail },
    ]
  } finally {
    clearInterval(expiring)
    await client.close()
    floor.close()
    await api.api.close()
  }
}

/** The least that Express on Node's HTTP can do with such a request: nothing is checked, counted or decided. */
function answering(): express.Express {
  const app = express().set('etag', false)
  const head = { 'content-type': 'application/json; charset=utf-8', 'content-length': String(ANSWER.length) }
  app.post('/bid-request', (request, response) => {
    let text = ''
    request.setEncoding('utf8')
    request.on('data', (chunk: string) => (text += chunk))
    request.on('end', () => {
      JSON.parse(text)
      response.writeHead(200, head).end(ANSWER)
    })
  })
  return app
}

/** As long as those of the exchange. */
const ANSWER = JSON.stringify({ accepted: true, filler: 'x'.repeat(330) })

async function listen(server: Server): Promise<Server> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}
