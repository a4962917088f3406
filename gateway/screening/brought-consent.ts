import { certificateOf, type BroughtConsent } from '../../model/consent.ts'
import type { CallerLeg } from '../caller-leg.ts'

/** Tags of a ping that have a certificate, as sellers of leads name them, the first that can be read. */
export const CERTIFICATE_TAGS = [
  'consent_certificate',
  'trustedform_cert_url',
  'xxTrustedFormCertUrl',
  'jornaya_leadid',
  'leadid_token',
  'universal_leadid',
] as const
/** When the consumer consented, RFC 3339. */
const TIME_TAG = 'consent_at'

/** What `X-DCE-Consent-Certificate` and `X-DCE-Consent-At` of an INVITE say; null where there is no certificate that can be read. */
export function broughtByInvite(caller: Pick<CallerLeg, 'header'>): BroughtConsent | null {
  const text = caller.header('X-DCE-Consent-Certificate')
  return text ? read(text, caller.header('X-DCE-Consent-At')) : null
}

/** What a ping's own tags say: a number's are for all its calls, and no consent is. */
export function broughtByTags(tags: Readonly<Record<string, string>> | undefined): BroughtConsent | null {
  if (tags === undefined) return null
  for (const name of CERTIFICATE_TAGS) {
    const text = Object.hasOwn(tags, name) ? tags[name] : undefined
    const brought = text === undefined ? null : read(text, tags[TIME_TAG])
    if (brought) return brought
  }
  return null
}

function read(text: string, at: string | undefined): BroughtConsent | null {
  const certificate = certificateOf(text)
  if (certificate === null) return null
  const givenAtMs = at !== undefined && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(at.trim()) ? Date.parse(at) : Number.NaN
  return { ...certificate, givenAtMs: Number.isNaN(givenAtMs) ? null : givenAtMs }
}
