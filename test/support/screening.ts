import type { Arrival } from '../../gateway/screening/arrival.ts'
import { Screening, type ScreeningParts } from '../../gateway/screening/screening.ts'
import type { CallId } from '../../model/ids.ts'
import { aNumber, aTrunk, anAccount, CALLER, NOON } from './market.ts'

/** A call that is of a trunk of the seller's, on its number. */
export function anArrival(over: Partial<Arrival> = {}): Arrival {
  return {
    callId: 'call' as CallId,
    atMs: NOON,
    ani: CALLER,
    number: aNumber(),
    seller: anAccount('seller', { type: 'seller' }),
    places: [],
    zip: null,
    originatedAtMs: null,
    offer: { sellerId: 'seller', numberId: 'number', vertical: 'insurance', tags: {} },
    brought: null,
    invite: { trunk: aTrunk('trunk', 'seller'), caller: {} as never },
    ...over,
  }
}

/** Screening by the law alone, unless more is said. */
export function aScreening(compliance: ScreeningParts['compliance'], parts: Partial<ScreeningParts> = {}): Screening {
  return new Screening({
    compliance,
    evidence: [],
    judges: [],
    stopsAtFirst: true,
    maxWaiting: 100,
    monotonicMs: () => performance.now(),
    onEnded: () => {},
    onError: () => {},
    ...parts,
  })
}
