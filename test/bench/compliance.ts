import { loadPlaces } from '../../config/reference-data.ts'
import { createCompliance } from '../../compliance/compliance.ts'
import type { ScreeningRequest } from '../../compliance/screening-request.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import type { BenchResult } from './bench-result.ts'
import { measureFull } from './compliance-full.ts'

const DNC_NUMBERS = 100_000
const REQUESTS = 4096
/** Screenings timed together: the clock itself costs tens of nanoseconds, so one alone cannot be timed. */
const BATCH = 16
const BATCHES = 40_000

/** One screening (blocked callers, do-not-call, calling hours) of calls from all over the country, with 100,000 listed numbers. */
export async function run(): Promise<BenchResult[]> {
  const places = loadPlaces()
  const compliance = createCompliance(
    { places, clock: Date },
    { tcpaEnabled: true, callingHours: { startMinute: 480, endMinute: 1260 }, unknownLocation: 'block' },
  )
  const random = mulberry32(1)
  const areaCodes = listAreaCodes(places)
  const number = () => {
    const local = 2_000_000 + Math.floor(random() * 8_000_000)
    return `+1${areaCodes[Math.floor(random() * areaCodes.length)]}${local}` as PhoneNumber
  }
  const listed = Array.from({ length: DNC_NUMBERS }, number)
  compliance.apply({ kind: 'dnc', list: 'internal', add: listed, remove: [] })

  const noon = Date.parse('2026-11-20T18:00:00Z')
  const traffic = ['inbound', 'transfer', 'outbound'] as const
  const requests = Array.from({ length: REQUESTS }, (_, index): ScreeningRequest => ({
    // One in ten is on the list, one in ten comes with a ZIP.
    ani: index % 10 === 0 ? listed[index]! : number(),
    zip: index % 10 === 5 ? '32501' : null,
    trafficType: traffic[index % 3]!,
    // Over a day and a half, so that hours refuse some and the local day changes under way.
    atMs: noon + index * 30_000,
  }))
  let refused = 0
  const screen = (at: number) => {
    if (!compliance.screen(requests[at % REQUESTS]!).allowed) refused++
  }
  for (let at = 0; at < 200_000; at++) screen(at)
  refused = 0
  const times = new Float64Array(BATCHES)
  const before = process.cpuUsage()
  for (let batch = 0; batch < BATCHES; batch++) {
    const start = performance.now()
    for (let at = 0; at < BATCH; at++) screen(batch * BATCH + at)
    times[batch] = ((performance.now() - start) * 1e6) / BATCH
  }
  const { user, system } = process.cpuUsage(before)
  times.sort()
  const detail = `${DNC_NUMBERS} DNC numbers, all US area codes, ${Math.round((refused / BATCHES / BATCH) * 100)} % refused; means of ${BATCH}`
  const predecessor =
    'the Go predecessor: 13,000–14,000 ns for hours alone, 15,000–18,000 ns with consent and state rules'
  return [
    { name: 'compliance.p50', value: Math.round(times[BATCHES / 2]!), unit: 'ns', detail: `${detail}; ${predecessor}` },
    { name: 'compliance.p99', value: Math.round(times[Math.floor(BATCHES * 0.99)]!), unit: 'ns', detail },
    {
      name: 'compliance.cpu',
      value: Math.round(((user + system) * 1000) / (BATCHES * BATCH)),
      unit: 'ns',
      detail: 'CPU time of one screening, the timing included',
    },
    {
      name: 'compliance.dnc-bytes',
      value: Math.round(compliance.stats().internal.bytes / compliance.stats().internal.numbers),
      unit: 'bytes',
      detail: `memory of one listed number among ${DNC_NUMBERS}`,
    },
    ...measureFull(number),
  ]
}

function listAreaCodes(places: ReturnType<typeof loadPlaces>): string[] {
  const all = Array.from({ length: 800 }, (_, index) => String(index + 200))
  return all.filter((npa) => places.ofNumber(`+1${npa}5550100` as PhoneNumber).length > 0)
}

/** A seeded generator of [0, 1): the bench asks the same questions each time. */
function mulberry32(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
