import type { PhoneNumber } from '../model/phone-number.ts'
import type { ScreeningRequest } from './screening-request.ts'

/**
 * What a consumer's place may be known by, the best first; only the best there is counts. `zip`: what is said with the call
 * (`X-DCE-Zip`, a ping's `zip`, the tag `zip`); `consent-zip`: of the consent on record, as good as the former; `ivr-zip`: what
 * the caller answered to a menu; `account-zip`: the address in the seller's own customer account (tag `account_zip`). A ZIP is one
 * place; an exchange (NPA-NXX) or an area code (NPA) may be several, which must then all allow the call.
 */
export type PlaceEvidence = 'zip' | 'consent-zip' | 'ivr-zip' | 'account-zip' | 'npa-nxx' | 'npa' | 'none'

/** Whom a call is about, and what is known of where that person is. ZIP codes as they were given: one that is unknown says nothing. */
export interface Consumer {
  readonly number: PhoneNumber | null
  readonly zip: string | null
  readonly consentZip?: string | null
  readonly ivrZip?: string | null
  readonly accountZip?: string | null
}

/** The consumer of a call. Called for every call, so it makes nothing that is not needed. */
export function consumerOf({ ani, zip, ivrZip = null, consent = null, offer }: ScreeningRequest): Consumer {
  if (offer === undefined && ivrZip === null && consent === null) return { number: ani, zip }
  return {
    number: ani,
    zip: zip ?? offer?.tags['zip'] ?? null,
    consentZip: consent?.zip ?? null,
    ivrZip,
    accountZip: offer?.tags['account_zip'] ?? null,
  }
}
