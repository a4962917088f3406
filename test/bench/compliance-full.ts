import { createCompliance, type Compliance } from '../../compliance/compliance.ts'
import { loadPlaces } from '../../config/reference-data.ts'
import type { Arrival } from '../../gateway/screening/arrival.ts'
import { pack } from '../../model/area-numbers.ts'
import type { RuleTerms } from '../../model/compliance-rule.ts'
import { newId, type AccountId, type ConsentId, type SuppressionListId } from '../../model/ids.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import { areaOf, localOf, type SuppressionKind } from '../../model/suppression-list.ts'
import type { TrafficType } from '../../model/trunk.ts'
import { aRule, ruleChange } from '../support/compliance-rules.ts'
import { aNumber, anAccount } from '../support/market.ts'
import { anArrival, aScreening } from '../support/screening.ts'
import type { BenchResult } from './bench-result.ts'

const NOON_MS = Date.parse('2026-11-20T18:00:00Z')
const DAY_MS = 86_400_000
const CALLS = 4096
const CONSENTS = 100_000
/** Screenings timed together. */
const BATCH = 16
const BATCHES = 20_000
/** Rounds of the plain loop that is timed in the same run, for whoever compares machines. */
const LOOP_ROUNDS = 1000

const TERMS: readonly RuleTerms[] = [
  { type: 'geography', against: 'in', states: ['AK', 'HI', 'PR'] },
  {
    type: 'calling_hours',
    week: Array.from({ length: 7 }, () => ({ startMinute: 360, endMinute: 1380 })),
    callsOnHolidays: true,
  },
  { type: 'attestation', minimum: 'C', missing: false },
  { type: 'consent', maxAgeHours: 24 * 365, needsCertificate: false },
  { type: 'frequency', calls: 50, hours: 24, per: 'vertical' },
]

/**
 * Everything of compliance at once, all of it made for every call (`compliance.screening.collect: all`): where the consumer is, the hours and
 * limits of the nation and the states, four lists of numbers besides the house's own two, consents, five rules of the operator's; through the
 * pipeline that calls go through.
 */
export function measureFull(number: () => PhoneNumber): BenchResult[] {
  const places = loadPlaces()
  const compliance = createCompliance(
    { places, clock: Date },
    { tcpaEnabled: true, callingHours: { startMinute: 480, endMinute: 1260 }, unknownLocation: 'block' },
  )
  const consumers = Array.from({ length: CONSENTS }, number)
  list(compliance, 'national', numbers(1_000_000, number))
  list(compliance, 'state', numbers(100_000, number), 'TX')
  list(compliance, 'state', numbers(100_000, number), 'FL')
  list(compliance, 'litigator', numbers(100_000, number))
  compliance.apply({ kind: 'dnc', list: 'internal', add: numbers(100_000, number), remove: [] })
  const seller = anAccount('seller', { type: 'seller' })
  compliance.apply({ kind: 'consent', kept: consumers.map((each) => aConsent(each, seller.id)), gone: [] })
  for (const [i, terms] of TERMS.entries()) compliance.apply(ruleChange(aRule(`rule ${i}`, terms, { effect: 'warn' })))

  const legs = ['inbound', 'transfer', 'outbound'] as const
  const dialled = new Map<TrafficType, Arrival['number']>(legs.map((leg) => [leg, aNumber({ trafficType: leg })]))
  const arrivals = Array.from({ length: CALLS }, (_, i): Arrival => {
    const ani = consumers[(i * 7919) % CONSENTS]!
    return anArrival({
      ani,
      atMs: NOON_MS + i * 5_000,
      seller,
      number: dialled.get(legs[i % 3]!)!,
      zip: i % 10 === 5 ? places.ofZip('32501') : null,
      places: places.ofNumber(ani),
      invite: null,
    })
  })
  const screening = aScreening(compliance, { stopsAtFirst: false })
  let checks = 0
  let refused = 0
  const screen = (i: number): void => {
    const screened = screening.screen(arrivals[i % CALLS]!, null)
    if (screened instanceof Promise) throw new Error('nothing is asked for outside')
    checks += screened.checks.length
    if (screened.refusal !== null) refused++
  }
  for (let i = 0; i < 200_000; i++) screen(i)
  checks = refused = 0
  const times = new Float64Array(BATCHES)
  const before = process.cpuUsage()
  for (let batch = 0; batch < BATCHES; batch++) {
    const start = performance.now()
    for (let i = 0; i < BATCH; i++) screen(batch * BATCH + i)
    times[batch] = ((performance.now() - start) * 1e6) / BATCH
  }
  const cpuNs = cpuSince(before) / (BATCHES * BATCH)
  times.sort()
  const total = BATCHES * BATCH
  const detail = `${(checks / total).toFixed(1)} checks a call, ${Math.round((refused / total) * 100)} % refused; 1.4 million listed numbers, ${CONSENTS} consents, ${TERMS.length} rules`
  return [
    {
      name: 'compliance.full-p50',
      value: Math.round(times[BATCHES / 2]!),
      unit: 'ns',
      detail: `${detail}; means of ${BATCH}`,
    },
    { name: 'compliance.full-p99', value: Math.round(times[Math.floor(BATCHES * 0.99)]!), unit: 'ns', detail },
    {
      name: 'compliance.full-cpu',
      value: Math.round(cpuNs),
      unit: 'ns',
      detail: 'CPU time of one, the timing included',
    },
    {
      name: 'compliance.plain-loop',
      value: Math.round(loopNs()),
      unit: 'ns',
      detail: `CPU time, in the same run, of ${LOOP_ROUNDS} rounds of a loop over one integer`,
    },
  ]
}

function cpuSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before)
  return (user + system) * 1000
}

function loopNs(): number {
  const runs = 50_000
  let value = 1
  const before = process.cpuUsage()
  for (let run = 0; run < runs; run++)
    for (let round = 0; round < LOOP_ROUNDS; round++) value = (Math.imul(value, 1_664_525) + 1_013_904_223) | 0
  const ns = cpuSince(before) / runs
  if (value === 0) throw new Error('the loop has a period of 2^32')
  return ns
}

function numbers(count: number, number: () => PhoneNumber): PhoneNumber[] {
  return Array.from({ length: count }, number)
}

function list(
  compliance: Compliance,
  kind: SuppressionKind,
  listed: readonly PhoneNumber[],
  state: string | null = null,
): void {
  const at = new Date(NOON_MS)
  const one = {
    id: newId<SuppressionListId>(),
    accountId: newId<AccountId>(),
    name: `${kind} ${state ?? ''}`,
    kind,
    source: 'the list',
    state,
    versionDate: new Date(NOON_MS - 10 * DAY_MS),
    expiresAfterDays: 31,
    whenExpired: 'refuse' as const,
    lookup: null,
    numbers: 0,
    revision: 0,
    replacedAt: 0,
    version: 1,
    createdAt: at,
    updatedAt: at,
  }
  compliance.apply({ kind: 'suppression-list', id: one.id, value: one })
  const byArea = Map.groupBy(listed, areaOf)
  const areas = [...byArea].map(([area, of]) => {
    const locals = new Set(of.map(localOf))
    return { area, packed: pack(Uint32Array.from(locals).toSorted()) }
  })
  const loaded = { ...one, revision: 1, replacedAt: 1, numbers: listed.length }
  compliance.suppression.take({ list: loaded, isWhole: true, areas, damage: null })
}

function aConsent(number: PhoneNumber, seller: AccountId) {
  return {
    id: newId<ConsentId>(),
    number,
    givenAtMs: NOON_MS - 30 * DAY_MS,
    expiresAtMs: null,
    revokedAtMs: null,
    channels: ['call' as const],
    certificates: ['trustedform' as const],
    certifiedAtMs: NOON_MS - 30 * DAY_MS,
    sellers: 1,
    accounts: [seller],
    zip: null,
  }
}
