import type { CallRecord } from '../../model/cdr.ts'
import type { Call } from '../live-call.ts'
import type { ScreeningInputs } from '../needs.ts'

/** What a screened call was judged by, for the audit: then its number is known. */
export function inputsOf({ facts, judgedBy, pinged, evidenceMs }: Call): ScreeningInputs {
  const { seller, number, places, originatedAtMs, trunk } = facts!
  const { trafficType, id, vertical } = number!
  const { zip, ivrZip, attestation, consent } = judgedBy ?? { zip: facts!.zip?.zip ?? null }
  return {
    leg: trafficType,
    sellerId: seller.id,
    trunkId: trunk.id,
    numberId: id,
    vertical: judgedBy?.offer?.vertical ?? vertical,
    ...(places.length > 0 && { states: [...new Set(places.map(({ state }) => state))] }),
    ...(zip !== null && { zip }),
    ...(ivrZip && { ivrZip }),
    ...(originatedAtMs !== null && { originatedAt: new Date(originatedAtMs).toISOString() }),
    ...(attestation && { attestation }),
    ...(consent?.id && { consent: consent.id }),
    ...(pinged && { ping: pinged.token.slice(0, 8) }),
    ...(evidenceMs !== null && { evidenceMs }),
  }
}

/** What the record of a call still says of that, when nothing else does any more; null: no number of ours was dialled. */
export function inputsOfRecord({
  sellerId,
  trunkId,
  numberId,
  vertical,
  trafficType: leg,
  legs,
}: CallRecord): ScreeningInputs | null {
  if (numberId === null || leg === null || vertical === null) return null
  const attestation = legs[0]?.signature?.attestation
  return { leg, sellerId, trunkId, numberId, vertical, ...(attestation && { attestation }) }
}
