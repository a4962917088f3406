import { FEATURE_NAMES } from '../../compliance/fraud/features/feature-names.ts'
import { FeatureSet } from '../../compliance/fraud/features/feature-set.ts'
import type { ArrivingCall, EndedCall } from '../../compliance/fraud/fraud-call.ts'
import type { AccountId, CallId, NumberId, TargetId, TrunkId } from '../../model/ids.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import type { BenchResult } from './bench-result.ts'

const CALLS = 120_000
const WARM_UP = 60_000
const CALLERS = 100_000

/** The features of calls of 100,000 callers to 2,000 numbers of 200 sellers: one call at a time is timed, its end beside it. */
export async function run(): Promise<BenchResult[]> {
  const features = new FeatureSet()
  const calls = Array.from({ length: CALLS }, (_, index) => someCall(index))
  const ends = calls.map(endOf)
  const times = new Float64Array(CALLS - WARM_UP)
  let heapBefore = 0
  let before = process.cpuUsage()
  for (let at = 0; at < CALLS; at++) {
    if (at === WARM_UP) {
      before = process.cpuUsage()
      heapBefore = process.memoryUsage().heapUsed
    }
    const start = performance.now()
    features.arrive(calls[at]!)
    if (at >= WARM_UP) times[at - WARM_UP] = (performance.now() - start) * 1e6
    if (at >= 100) features.end(ends[at - 100]!)
  }
  const heap = process.memoryUsage().heapUsed - heapBefore
  const { user, system } = process.cpuUsage(before)
  times.sort()
  const timed = times.length
  const detail = `${FEATURE_NAMES.length} features, ${CALLERS} callers`
  return [
    { name: 'fraud.p50', value: Math.round(times[timed / 2]!), unit: 'ns', detail },
    { name: 'fraud.p99', value: Math.round(times[Math.floor(timed * 0.99)]!), unit: 'ns', detail },
    {
      name: 'fraud.cpu',
      value: Math.round(((user + system) * 1000) / timed),
      unit: 'ns',
      detail: 'CPU time of one call, its end and the timing included',
    },
    {
      name: 'fraud.heap',
      value: Math.round(heap / timed),
      unit: 'bytes',
      detail: 'heap taken by one call, and its end',
    },
  ]
}

function someCall(index: number): ArrivingCall {
  const spread = (index * 2_654_435_761) % 4_294_967_296
  const caller = spread % CALLERS
  const number = spread % 2000
  return {
    id: `0192f0c0-0000-7000-8000-${index.toString(16).padStart(12, '0')}` as CallId,
    atMs: Date.parse('2026-11-16T15:00:00Z') + index * 20,
    ani: `+1${212 + (caller % 500)}${5_550_000 + (caller % 9_973)}` as PhoneNumber,
    dnis: `+1800555${String(number).padStart(4, '0')}` as PhoneNumber,
    trunkId: `0192f0c0-0000-7000-8001-${(number % 50).toString(16).padStart(12, '0')}` as TrunkId,
    sellerId: `0192f0c0-0000-7000-8002-${(number % 200).toString(16).padStart(12, '0')}` as AccountId,
    numberId: `0192f0c0-0000-7000-8003-${number.toString(16).padStart(12, '0')}` as NumberId,
    vertical: 'insurance',
    trafficType: 'inbound',
    sourceAddress: '192.0.2.7',
    userAgent: 'carrier-sbc/9.3.1',
    attestation: index % 3 === 0 ? 'A' : null,
    numberStates: ['NY'],
    saidState: index % 5 === 0 ? 'CA' : null,
    codecs: ['PCMU', 'PCMA', 'telephone-event'],
  }
}

function endOf(call: ArrivingCall, index: number): EndedCall {
  const answered = index % 3 !== 0
  return {
    id: call.id,
    endedAtMs: call.atMs + 2_000,
    outcome: answered ? 'answered' : 'no_answer',
    targetId: `0192f0c0-0000-7000-8004-${(index % 300).toString(16).padStart(12, '0')}` as TargetId,
    buyerId: null,
    durationMs: answered ? 10_000 + (index % 100) * 1000 : 0,
    pddMs: 800,
    billableAfter: 60,
    isBilled: answered && index % 100 > 50,
    hungUpBy: 'caller',
    audioFault: null,
  }
}
