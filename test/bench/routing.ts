import { EventEmitter } from 'node:events'
import { createBalances } from '../../accounts/holds.ts'
import { createCompliance } from '../../compliance/compliance.ts'
import { createLogger } from '../../config/logger.ts'
import { loadPlaces } from '../../config/reference-data.ts'
import { createTelemetry } from '../../config/telemetry.ts'
import { Announcements } from '../../gateway/announcements.ts'
import { CallerLeg } from '../../gateway/caller-leg.ts'
import { Directory } from '../../gateway/directory.ts'
import { createExchange } from '../../gateway/exchange.ts'
import { Call } from '../../gateway/live-call.ts'
import { LiveCalls } from '../../gateway/live-calls.ts'
import type { ExchangeParts } from '../../gateway/parts.ts'
import type { Signaling } from '../../gateway/srf.ts'
import type { SipRequest, SipResponse } from '../../gateway/srf/srf-types.ts'
import { Trunks } from '../../gateway/identity/trunks.ts'
import type { BookChange } from '../../model/book.ts'
import { systemClock } from '../../model/clock.ts'
import { newId } from '../../model/ids.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import { createRouting } from '../../routing/route-call.ts'
import { createEventBus } from '../../storage/event-bus.ts'
import { OPERATOR_ACCOUNT_ID } from '../../storage/house-accounts.ts'
import { anAccount, aNumber, aTrunk, CALLER, NOON } from '../support/market.ts'
import type { BenchResult } from './bench-result.ts'
import { buildMarket } from './routing-market.ts'

const BIDS = 10_000
const ELIGIBLE = 100
const LISTED = 100_000
const WARM_UP = 10_000
const CALLS = 30_000

/**
 * The whole decision as the gateway makes it, by its own steps: identify (trunk, limits, number), screen, auction, then the
 * places and the hold of the winner. Each call is timed by itself; nothing waits, so wall time is the thread's own.
 */
export async function run(): Promise<BenchResult[]> {
  const parts = buildParts()
  const exchange = createExchange(parts)
  const micros = new Float64Array(CALLS)
  let awarded = 0
  let cpu = process.cpuUsage()
  for (let i = -WARM_UP; i < CALLS; i++) {
    if (i === 0) cpu = process.cpuUsage()
    const call = newCall(i)
    const from = process.hrtime.bigint()
    exchange.identify(call)
    void exchange.screen(call) // Null: nothing is asked for outside.
    const awards = exchange.auction(call)
    const [winner] = awards
    const places = parts.routing.reserve(winner!, call.id, CALLER, NOON + i)
    const hold = parts.balances.hold(winner!.buyerId, call.id, winner!.priceMicros, 'USD')
    const to = process.hrtime.bigint()
    if (typeof places === 'string' || typeof hold === 'string')
      throw new Error('the winner was refused its places or its hold')
    if (i >= 0) {
      micros[i] = Number(to - from) / 1000
      awarded += awards.length
    }
    places.release()
    parts.balances.void(hold)
    for (const release of call.releases.splice(0)) release()
    // The calls of a gateway come one by one: its collector works between them, not inside them.
    if (i % 1000 === 0) await new Promise(setImmediate)
  }
  const { user, system } = process.cpuUsage(cpu)
  parts.telemetry.close()
  micros.sort()
  const detail = `admission, compliance (${LISTED} DNC numbers), auction among ${BIDS} standing bids (${ELIGIBLE} eligible, ${awarded / CALLS} awards), places and hold`
  return [
    { name: 'routing.p50', value: micros[CALLS >> 1]!, unit: 'us', detail },
    { name: 'routing.p99', value: micros[Math.floor(CALLS * 0.99)]!, unit: 'us', detail },
    {
      name: 'routing.cpu',
      value: (user + system) / CALLS,
      unit: 'us',
      detail: 'CPU of one decision, its making and measuring included',
    },
  ]
}

function buildParts(): ExchangeParts {
  const places = loadPlaces()
  const clock = systemClock
  const balances = createBalances({ clock, newId })
  const compliance = createCompliance(
    { places, clock },
    { tcpaEnabled: true, callingHours: { startMinute: 480, endMinute: 1260 }, unknownLocation: 'block' },
  )
  const routing = createRouting({ availableMicros: (id) => balances.availableMicros(id), clock, newId })
  const trunks = new Trunks()
  const directory = new Directory()
  for (const change of theBook())
    for (const part of [directory, trunks, balances, compliance, routing]) part.apply(change)
  const idle = { write: () => Promise.resolve(), accepts: () => true }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- The steps timed here touch neither SIP nor media.
  return {
    clock,
    log: createLogger({ level: 'silent' }).logger,
    telemetry: createTelemetry(),
    trunks,
    authentication: { credentials: { mayCall: false } },
    directory,
    places,
    compliance,
    routing,
    pings: { openCount: 0 },
    balances,
    writer: idle,
    announcements: new Announcements(createEventBus(() => {})),
    liveCalls: new LiveCalls(),
    operatorId: OPERATOR_ACCOUNT_ID,
    limits: { maxConcurrentCalls: 1000, maxSetupMs: 60_000, trunkSilenceMs: 10_000, maxCallDurationMs: 60_000 },
    draining: () => false,
  } as unknown as ExchangeParts
}

function theBook(): BookChange[] {
  const seller = anAccount('seller', { type: 'seller' })
  const number = aNumber({ accountId: seller.id })
  const trunk = aTrunk('trunk', 'seller', { addresses: ['192.0.2.0/24'], maxCps: 1_000_000, maxConcurrentCalls: 1000 })
  const listed = Array.from({ length: LISTED }, (_, i) => `+1305${String(2_000_000 + i * 7)}` as PhoneNumber)
  return [
    { kind: 'account', id: seller.id, value: seller },
    { kind: 'number', id: number.id, value: number },
    { kind: 'trunk', id: trunk.id, value: trunk },
    { kind: 'dnc', list: 'internal', add: listed, remove: [] },
    ...buildMarket(BIDS, ELIGIBLE).changes,
  ]
}

/** A call as its INVITE makes it, with a request that answers from a table as drachtio-srf's does. */
function newCall(i: number): Call {
  const headers: Record<string, string> = {
    From: `<sip:${CALLER}@192.0.2.7>;tag=a${i}`,
    To: `<sip:${aNumber().number}@192.0.2.1>`,
    'Call-ID': `bench-${i}`,
  }
  const request = Object.assign(new EventEmitter(), {
    method: 'INVITE',
    uri: `sip:${aNumber().number}@192.0.2.1:5060`,
    source_address: '192.0.2.7',
    source_port: 5060,
    protocol: 'udp',
    get: (name: string) => headers[name],
  })
  const caller = new CallerLeg(
    {} as unknown as Signaling,
    request as unknown as SipRequest,
    {} as unknown as SipResponse,
  )
  // A new instant each time, as calls have: nothing remembered of the last one's may help.
  return new Call({ id: newId(), caller, receivedAt: new Date(NOON + i), monotonicMs: () => systemClock.monotonicMs() })
}
