import type { NonBidCode } from '../model/bid.ts'
import type { ConsentDemand, GivenConsent } from '../model/consent.ts'
import type { AccountId } from '../model/ids.ts'

const HOUR_MS = 3_600_000

/** How far a consent came in what was asked of it: the best of a call's says why there is none that does. */
const STEPS = [
  'consent_missing',
  'consent_not_one_to_one',
  'consent_uncertified',
  'consent_too_old',
  'certificate_too_old',
] as const satisfies readonly NonBidCode[]

/** Whose consents, and of which call. */
interface Asked {
  readonly consents: readonly GivenConsent[]
  readonly sellerId: AccountId
  readonly buyerId: AccountId
  readonly atMs: number
}

/** Null when one of the call's consents is all that the buyer asks for; else what the one that comes closest lacks. */
export function judgeConsents(demand: ConsentDemand, asked: Asked): NonBidCode | null {
  let farthest = 0
  for (const consent of asked.consents) {
    const step = failsAt(demand, consent, asked)
    if (step === STEPS.length) return null
    if (step > farthest) farthest = step
  }
  return STEPS[farthest]!
}

/** The place in STEPS of the first thing it lacks; beyond them: nothing. */
function failsAt(demand: ConsentDemand, consent: GivenConsent, { sellerId, buyerId, atMs }: Asked): number {
  const { id, accounts, sellers, certificates, givenAtMs, certifiedAtMs } = consent
  const isBrought = id === null
  if (isBrought ? demand.isOnRecord : !accounts.includes(sellerId) && !accounts.includes(buyerId)) return 0
  if (demand.isOneToOne && !(sellers === 1 && accounts[0] === buyerId)) return 1
  const { certificate, maxAgeHours, maxCertificateAgeHours } = demand
  if (certificate !== null && (certificate === 'any' ? certificates.length === 0 : !certificates.includes(certificate)))
    return 2
  if (isOlder(givenAtMs, maxAgeHours, atMs)) return 3
  if (isOlder(certifiedAtMs, maxCertificateAgeHours, atMs)) return 4
  return STEPS.length
}

/** What nobody knows the age of is too old for whoever asks. */
function isOlder(sinceMs: number | null, hours: number | null, atMs: number): boolean {
  return hours !== null && (sinceMs === null || atMs - sinceMs > hours * HOUR_MS)
}
