import { isIP } from 'node:net'
import { z } from 'zod'
import { sha256Hex } from '../compliance/consent/seal.ts'
import {
  certificateOf,
  certificateUrl,
  CERTIFICATE_KINDS,
  CONSENT_CHANNELS,
  type Certificate,
  type Consent,
  type ConsentRecord,
} from '../model/consent.ts'
import type { AccountId } from '../model/ids.ts'
import { phoneAt, type Kit } from './kit.ts'
import { invalid } from './problems.ts'
import * as s from './schemas.ts'

// What is recorded of a consent: the same words in the API and in an import.

const MAX_SELLERS = 500
const MAX_CERTIFICATES = 4
const MAX_DISCLOSURE = 20_000
/** Of what was shown: a form's HTML, not its pictures. */
const MAX_SHOWN = 200_000
/** Clocks of forms may be so much ahead of ours. */
const MAX_AHEAD_MS = 60_000

/** Text as it is, lines and blanks too: its hash is of every letter. */
const verbatim = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    // oxlint-disable-next-line no-control-regex
    .refine((value) => !/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(value) && value.isWellFormed(), {
      error: 'must not contain control characters',
    })
const hash = z.string().regex(/^[0-9a-fA-F]{64}$/, 'must be a SHA-256 in 64 hex digits')

const certificate = z.strictObject({
  certificate: z
    .string()
    .max(2000)
    .transform((input, ctx) => {
      const read = certificateOf(input)
      return (
        read ?? s.refuse(ctx, input, 'invalid_certificate', 'is neither a TrustedForm URL or id nor a LeadiD token')
      )
    })
    .meta({ description: 'TrustedForm’s certificate URL or id, or a Jornaya LeadiD token; its vendor is not asked' }),
  issued_at: s.instant().nullish(),
})

const RevocationInput = z.strictObject({
  at: s.instant(),
  means: s.text(200),
  honoured_by: s.text(200).optional(),
})

export const certificatesInput = z.array(certificate).max(MAX_CERTIFICATES)

export const ConsentInput = z.strictObject({
  number: z.string().max(64),
  name: s.text(200).nullish(),
  zip: z
    .string()
    .regex(/^\d{5}$/, 'must be five digits')
    .nullish()
    .meta({ description: 'Of the address the consumer gave: where the consumer is, for calling hours' }),
  sellers: z
    .array(z.strictObject({ name: s.text(200), account_id: s.id<AccountId>().nullish() }))
    .min(1)
    .max(MAX_SELLERS)
    .meta({ description: 'The businesses the form named; calls are matched by their accounts here' }),
  disclosure: verbatim(MAX_DISCLOSURE).meta({ description: 'The words the consumer agreed to, letter by letter' }),
  disclosure_sha256: hash.nullish().meta({ description: 'Must be the hash of `disclosure`' }),
  page_url: z
    .string()
    .max(2000)
    .refine((text) => /^https?:\/\//i.test(text) && URL.canParse(text), { error: 'must be an http or https URL' })
    .nullish(),
  ip: z
    .string()
    .refine((text) => isIP(text) !== 0, { error: 'must be an IP address' })
    .nullish(),
  user_agent: s.text(1000).nullish(),
  given_at: s.instant(),
  form_snapshot: s.text(1000).nullish().meta({ description: 'Where the picture of the form is kept' }),
  certificates: certificatesInput.default([]),
  channels: z
    .array(z.enum(CONSENT_CHANNELS))
    .min(1)
    .max(CONSENT_CHANNELS.length)
    .meta({ description: '`autodial` includes calls by a person' }),
  purpose: s.text(500),
  expires_at: s.instant().nullish(),
  shown: verbatim(MAX_SHOWN).nullish().meta({ description: 'What was shown: the form’s text or HTML' }),
  revocation: RevocationInput.nullish().meta({ description: 'Of one that is over already' }),
})

/** A checked input as the model's record; throws 422 for what one field cannot see. */
export function readConsent(
  kit: Pick<Kit, 'validatePhone'>,
  body: z.output<typeof ConsentInput>,
  by: string,
  now: Date,
): ConsentRecord {
  const { disclosure, shown = null, given_at: givenAt, expires_at: expiresAt = null, revocation } = body
  const disclosureSha256 = sha256Hex(disclosure)
  if (body.disclosure_sha256 && body.disclosure_sha256.toLowerCase() !== disclosureSha256)
    throw invalid('/disclosure_sha256', `is not the hash of the disclosure, which is ${disclosureSha256}`, 'wrong_hash')
  requirePast('/given_at', givenAt, now)
  if (expiresAt !== null && expiresAt <= givenAt)
    throw invalid('/expires_at', 'must be later than given_at', 'out_of_order')
  if (revocation) requireRevocable('/revocation/at', revocation.at, givenAt, now)
  return {
    number: phoneAt(kit, '/number', body.number),
    name: body.name ?? null,
    zip: body.zip ?? null,
    sellers: body.sellers.map(({ name, account_id: accountId }) => ({ name, accountId: accountId ?? null })),
    disclosure,
    disclosureSha256,
    pageUrl: body.page_url ?? null,
    ip: body.ip ?? null,
    userAgent: body.user_agent ?? null,
    givenAt,
    formSnapshot: body.form_snapshot ?? null,
    certificates: readCertificates(body.certificates, now),
    channels: [...new Set(body.channels)],
    purpose: body.purpose,
    expiresAt,
    revocation: revocation
      ? { at: revocation.at, means: revocation.means, honouredBy: revocation.honoured_by ?? by, honouredAt: now }
      : null,
    shown,
    shownSha256: shown === null ? null : sha256Hex(shown),
  }
}

export function readCertificates(given: z.output<typeof certificatesInput>, now: Date): Certificate[] {
  return given.map(({ certificate: { kind, token }, issued_at: issuedAt = null }, i) => {
    if (issuedAt !== null) requirePast(`/certificates/${i}/issued_at`, issuedAt, now)
    return { kind, token, issuedAt }
  })
}

/** A revocation that has been said, of a consent that had been given. */
export function requireRevocable(pointer: string, at: Date, givenAt: Date, now: Date): void {
  requirePast(pointer, at, now)
  if (at < givenAt) throw invalid(pointer, 'must not be before the consent was given', 'out_of_order')
}

function requirePast(pointer: string, time: Date, now: Date): void {
  if (time.getTime() > now.getTime() + MAX_AHEAD_MS)
    throw invalid(pointer, 'must not be in the future', 'in_the_future')
}

/** Accounts that have been looked up and are remembered, in one import. */
const MAX_REMEMBERED = 10_000

/** Every account that a record names is there; `known` remembers those that were asked for. */
export async function requireAccounts(
  { stores }: Pick<Kit, 'stores'>,
  { sellers }: ConsentRecord,
  known: Map<AccountId, boolean>,
): Promise<void> {
  for (const [i, { accountId }] of sellers.entries()) {
    if (accountId === null) continue
    let isThere = known.get(accountId)
    if (isThere === undefined) {
      if (known.size >= MAX_REMEMBERED) known.clear()
      known.set(accountId, (isThere = (await stores.accounts.find(accountId)) !== null))
    }
    if (!isThere) throw invalid(`/sellers/${i}/account_id`, 'there is no such account', 'not_found')
  }
}

const printedHash = () => z.string().regex(/^[0-9a-f]{64}$/)

export const ConsentAnswer = z.strictObject({
  id: s.printedId(),
  version: z.int(),
  deed: z.enum(['captured', 'imported', 'amended', 'revoked']),
  at: s.printedTime().meta({ description: 'When this version was made' }),
  by: z.string(),
  status: z.enum(['valid', 'expired', 'revoked']).meta({ description: 'Now' }),
  number: z.string(),
  name: z.string().nullable(),
  zip: z.string().nullable(),
  sellers: z.array(z.strictObject({ name: z.string(), account_id: s.printedId().nullable() })),
  disclosure: z.string(),
  disclosure_sha256: printedHash(),
  page_url: z.string().nullable(),
  ip: z.string().nullable(),
  user_agent: z.string().nullable(),
  given_at: s.printedTime(),
  form_snapshot: z.string().nullable(),
  certificates: z.array(
    z.strictObject({
      kind: z.enum(CERTIFICATE_KINDS),
      token: z.string(),
      url: z.string().nullable(),
      issued_at: s.printedTime().nullable(),
    }),
  ),
  channels: z.array(z.enum(CONSENT_CHANNELS)),
  purpose: z.string(),
  expires_at: s.printedTime().nullable(),
  revocation: z
    .strictObject({
      at: s.printedTime(),
      means: z.string(),
      honoured_by: z.string(),
      honoured_at: s.printedTime(),
    })
    .nullable(),
  shown: z.string().nullable(),
  shown_sha256: printedHash().nullable(),
  hash: printedHash(),
  previous_hash: printedHash().nullable(),
})
export type ConsentView = z.input<typeof ConsentAnswer>

export function printConsent(consent: Consent, now: Date): ConsentView {
  const { revocation, expiresAt } = consent
  return {
    id: consent.id,
    version: consent.version,
    deed: consent.deed,
    at: s.printTime(consent.at),
    by: consent.by,
    status: revocation !== null ? 'revoked' : expiresAt !== null && expiresAt <= now ? 'expired' : 'valid',
    number: consent.number,
    name: consent.name,
    zip: consent.zip,
    sellers: consent.sellers.map(({ name, accountId }) => ({ name, account_id: accountId })),
    disclosure: consent.disclosure,
    disclosure_sha256: consent.disclosureSha256,
    page_url: consent.pageUrl,
    ip: consent.ip,
    user_agent: consent.userAgent,
    given_at: s.printTime(consent.givenAt),
    form_snapshot: consent.formSnapshot,
    certificates: consent.certificates.map((each) => ({
      kind: each.kind,
      token: each.token,
      url: certificateUrl(each),
      issued_at: s.printTime(each.issuedAt),
    })),
    channels: [...consent.channels],
    purpose: consent.purpose,
    expires_at: s.printTime(expiresAt),
    revocation: revocation && {
      at: s.printTime(revocation.at),
      means: revocation.means,
      honoured_by: revocation.honouredBy,
      honoured_at: s.printTime(revocation.honouredAt),
    },
    shown: consent.shown,
    shown_sha256: consent.shownSha256,
    hash: consent.hash,
    previous_hash: consent.previousHash,
  }
}
