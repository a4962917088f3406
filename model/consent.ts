import type { AccountId, ConsentId } from './ids.ts'
import type { PhoneNumber } from './phone-number.ts'

/** How the consumer may be reached: by a person's call, by text, by an autodialled or prerecorded call (which includes a person's). */
export const CONSENT_CHANNELS = ['call', 'text', 'autodial'] as const
export type ConsentChannel = (typeof CONSENT_CHANNELS)[number]

/** Who witnessed the form being filled in: TrustedForm (ActiveProspect), or Jornaya (LeadiD). */
export const CERTIFICATE_KINDS = ['trustedform', 'jornaya'] as const
export type CertificateKind = (typeof CERTIFICATE_KINDS)[number]

/** A witness's certificate, as it was handed in: whether the vendor knows it is for the vendor to say, and is not asked here. */
export interface Certificate {
  readonly kind: CertificateKind
  /** TrustedForm's id (the last part of its URL), or the LeadiD token, in lower case. */
  readonly token: string
  /** Null: nobody said. */
  readonly issuedAt: Date | null
}

/** A business the consumer allowed to call, as the form named it. */
export interface NamedSeller {
  readonly name: string
  /** The account it has here, seller's or buyer's; null: none. */
  readonly accountId: AccountId | null
}

export interface Revocation {
  /** When the consumer said so. */
  readonly at: Date
  /** How: `sms STOP`, `told the agent`, … (47 CFR 64.1200(a)(10): by any reasonable means). */
  readonly means: string
  /** Who carried it out. */
  readonly honouredBy: string
  /** When it took effect here. */
  readonly honouredAt: Date
}

/** What is on record of a consumer's consent. */
export interface ConsentRecord {
  readonly number: PhoneNumber
  readonly name: string | null
  /** Of the address the consumer gave with it, five digits. */
  readonly zip: string | null
  readonly sellers: readonly NamedSeller[]
  /** The words the consumer agreed to, and their SHA-256 in hex. */
  readonly disclosure: string
  readonly disclosureSha256: string
  readonly pageUrl: string | null
  readonly ip: string | null
  readonly userAgent: string | null
  readonly givenAt: Date
  /** Where the picture of the form as it was is kept. */
  readonly formSnapshot: string | null
  readonly certificates: readonly Certificate[]
  readonly channels: readonly ConsentChannel[]
  readonly purpose: string
  /** The first moment at which it is good no more; null: until it is revoked. */
  readonly expiresAt: Date | null
  readonly revocation: Revocation | null
  /** What was shown, word for word (its HTML, say), and its SHA-256 in hex. */
  readonly shown: string | null
  readonly shownSha256: string | null
}

export type ConsentDeed = 'captured' | 'imported' | 'amended' | 'revoked'

/** One version of a consent; none is ever changed. */
export interface Consent extends ConsentRecord {
  readonly id: ConsentId
  readonly version: number
  readonly deed: ConsentDeed
  /** When this version was made, and by whom: a user's id or an API key's account. */
  readonly at: Date
  readonly by: string
  /** SHA-256 of all that (compliance/consent/seal.ts), and of the version before; null: there is none. */
  readonly hash: string
  readonly previousHash: string | null
}

/** What of a consent is in every gateway's memory. */
export interface KeptConsent {
  readonly id: ConsentId
  readonly number: PhoneNumber
  readonly givenAtMs: number
  readonly expiresAtMs: number | null
  readonly revokedAtMs: number | null
  readonly channels: readonly ConsentChannel[]
  readonly certificates: readonly CertificateKind[]
  /** Of the youngest certificate; the consent's own where nobody said. */
  readonly certifiedAtMs: number
  /** How many businesses it names, and those of them that have an account here. */
  readonly sellers: number
  readonly accounts: readonly AccountId[]
  readonly zip: string | null
}

/** A consent that is good for a call of now: not expired, not revoked, and for calls. */
export interface GivenConsent {
  /** Null: a certificate that the call itself brought, of no record here: the seller's word. */
  readonly id: ConsentId | null
  /** Null: nobody said. */
  readonly givenAtMs: number | null
  readonly certificates: readonly CertificateKind[]
  readonly certifiedAtMs: number | null
  /** How many businesses it names; 0: nobody knows. */
  readonly sellers: number
  readonly accounts: readonly AccountId[]
  readonly zip: string | null
}

/** A certificate that comes with a call, or came with its ping. */
export interface BroughtConsent extends Pick<Certificate, 'kind' | 'token'> {
  /** When the consumer consented, if the seller says; null: it does not. */
  readonly givenAtMs: number | null
}

/** What a buyer asks of the consent of the calls it buys. */
export interface ConsentDemand {
  /** It names the buyer, and no other business. */
  readonly isOneToOne: boolean
  /** Only what is on record here counts, not what a call brings. */
  readonly isOnRecord: boolean
  /** Whose certificate it must have; null: none need be. */
  readonly certificate: CertificateKind | 'any' | null
  readonly maxAgeHours: number | null
  readonly maxCertificateAgeHours: number | null
}

export function keptConsent(consent: Pick<Consent, 'id'> & ConsentRecord): KeptConsent {
  const { id, number, givenAt, expiresAt, revocation, channels, certificates, sellers, zip } = consent
  const issued = certificates.map(({ issuedAt }) => (issuedAt ?? givenAt).getTime())
  return {
    id,
    number,
    givenAtMs: givenAt.getTime(),
    expiresAtMs: expiresAt?.getTime() ?? null,
    revokedAtMs: revocation?.at.getTime() ?? null,
    channels,
    certificates: certificates.map(({ kind }) => kind),
    certifiedAtMs: issued.length === 0 ? givenAt.getTime() : Math.max(...issued),
    sellers: sellers.length,
    accounts: [...new Set(sellers.flatMap(({ accountId }) => accountId ?? []))],
    zip,
  }
}

/** TrustedForm's certificate id: 40 hex digits (web), or 0. and such for other origins, at the end of its URL. */
const TRUSTED_FORM = /^(?:https?:\/\/)?cert\.trustedform\.com\/([0-9a-z._-]{20,128})\/?(?:[?#].*)?$/i
const TRUSTED_FORM_ID = /^[0-9a-f]{40}$/i
/** A LeadiD token: 36 characters in the form of a GUID. */
const LEAD_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Reads a certificate as sellers hand it on: TrustedForm's URL or id, or a LeadiD token; null when it is neither. */
export function certificateOf(text: string): Pick<Certificate, 'kind' | 'token'> | null {
  const trimmed = text.trim()
  const url = TRUSTED_FORM.exec(trimmed)
  if (url) return { kind: 'trustedform', token: url[1]!.toLowerCase() }
  if (TRUSTED_FORM_ID.test(trimmed)) return { kind: 'trustedform', token: trimmed.toLowerCase() }
  return LEAD_ID.test(trimmed) ? { kind: 'jornaya', token: trimmed.toLowerCase() } : null
}

/** Where a certificate can be looked at: TrustedForm's URL; a LeadiD has none. */
export function certificateUrl({ kind, token }: Pick<Certificate, 'kind' | 'token'>): string | null {
  return kind === 'trustedform' ? `https://cert.trustedform.com/${token}` : null
}
