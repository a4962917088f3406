import { z } from 'zod'
import { fingerprintOf, seal } from '../compliance/consent/seal.ts'
import { standingOf, type ConsentStanding } from '../compliance/consent/standing.ts'
import { CONSENT_CHANNELS, type Consent, type ConsentRecord } from '../model/consent.ts'
import type { AccountId, ConsentId } from '../model/ids.ts'
import type { PhoneNumber } from '../model/phone-number.ts'
import { ConsentImportReport, firstVersion, importConsents } from './consent-import.ts'
import { proofOf, proofPage, ProofAnswer } from './consent-proof.ts'
import {
  certificatesInput,
  ConsentAnswer,
  ConsentInput,
  printConsent,
  readCertificates,
  readConsent,
  requireAccounts,
  requireRevocable,
} from './consent-terms.ts'
import { ADMIN, endpoint, type Caller, type Endpoint } from './endpoint.ts'
import { notFound, phoneAt, type Kit } from './kit.ts'
import { VersionMismatch } from './needs.ts'
import { requireMatch } from './preconditions.ts'
import { invalid, Problem } from './problems.ts'
import * as s from './schemas.ts'

/** Consents of one number that are looked at. */
const MOST_OF_A_NUMBER = 1_000
/** A consent that changes as it is revoked is read again so often. */
const TRIES = 3
const STANDINGS = [
  'valid',
  'revoked',
  'expired',
  'not_given_yet',
  'other_channel',
  'other_seller',
] as const satisfies readonly ConsentStanding[]

const Revoke = z.strictObject({
  means: s.text(200).meta({ description: 'How the consumer said so: `sms STOP`, `told the agent`' }),
  at: s.instant().optional().meta({ description: 'When; now unless said' }),
  honoured_by: s.text(200).optional().meta({ description: 'Who carried it out; the caller unless said' }),
  do_not_call: z.boolean().default(false).meta({ description: 'The number goes on the internal do-not-call list too' }),
})
const RevokedAnswer = z.strictObject({
  number: z.string(),
  revoked: z.array(s.printedId()),
  do_not_call: z.boolean(),
})
const VerifyAnswer = z.strictObject({
  number: z.string(),
  valid: z.boolean(),
  consent_id: s.printedId().nullable(),
  reason: z.string().nullable().meta({ description: 'Why not; null when valid' }),
  consents: z.array(
    z.strictObject({ id: s.printedId(), standing: z.enum(STANDINGS), given_at: s.printedTime(), hash: z.string() }),
  ),
})

function by({ userId, accountId }: Caller): string {
  return userId === null ? `an API key of account ${accountId}` : `user ${userId}`
}

/** The next version of a consent. */
function nextOf(
  { hash, ...current }: Consent,
  deed: 'amended' | 'revoked',
  changes: Partial<ConsentRecord>,
  who: string,
  at: Date,
): Consent {
  return seal({ ...current, ...changes, version: current.version + 1, deed, at, by: who, previousHash: hash })
}

/** Consumers' consents: every version is kept, and each change is in force for the next call on every gateway. */
export function consentEndpoints(kit: Kit): Endpoint[] {
  const { stores, compliance } = kit
  const { consents } = stores
  const common = { tag: 'consents', who: ADMIN } as const
  const now = () => new Date(kit.clock.now())

  async function get(id: string): Promise<Consent> {
    const consent = await consents.find(id as ConsentId)
    if (!consent) throw notFound('consent')
    return consent
  }

  /** Revokes what `choose` finds to be revoked; it is asked again when another was quicker. */
  async function revoke(
    choose: (at: Date) => Promise<readonly Consent[]>,
    body: z.output<typeof Revoke>,
    caller: Caller,
  ): Promise<Consent[]> {
    const honouredAt = now()
    const at = body.at ?? honouredAt
    const revocation = { at, means: body.means, honouredBy: body.honoured_by ?? by(caller), honouredAt }
    for (let tries = 1; ; tries++) {
      const next = (await choose(at))
        .filter((consent) => consent.revocation === null)
        .map((consent) => nextOf(consent, 'revoked', { revocation }, by(caller), honouredAt))
      try {
        if (next.length > 0) await consents.change(next)
        return next
      } catch (error) {
        if (!(error instanceof VersionMismatch) || tries >= TRIES) throw error
      }
    }
  }

  /** Before the revocation, so that a failure between the two leaves the safer half done. */
  async function listNumber(number: PhoneNumber, { do_not_call: wanted, means }: z.output<typeof Revoke>) {
    if (wanted) await stores.dnc.add('internal', [number], `consent revoked: ${means}`)
  }

  // Those of a fixed address before those of an id.
  return [
    endpoint({
      ...common,
      method: 'post',
      path: '/consents/verify',
      summary: 'Whether a number may be called for a seller by a channel, now or at a time, and by which consent',
      body: z.strictObject({
        number: z.string().max(64),
        seller_id: s.id<AccountId>().nullish(),
        seller: s.text(200).nullish().meta({ description: 'Its name as forms have it, in place of seller_id' }),
        channel: z.enum(CONSENT_CHANNELS),
        at: s.instant().optional(),
      }),
      answers: { 200: VerifyAnswer },
      async handle({ body }) {
        const number = phoneAt(kit, '/number', body.number)
        const { channel, seller_id: accountId = null, seller: sellerName = null } = body
        const question = { channel, accountId, sellerName, atMs: (body.at ?? now()).getTime() }
        const found = await consents.ofNumber(number, MOST_OF_A_NUMBER)
        const judged = found.map((consent) => ({ consent, standing: standingOf(consent, question) }))
        const valid = judged.find(({ standing }) => standing === 'valid')?.consent ?? null
        return {
          status: 200,
          body: {
            number,
            valid: valid !== null,
            consent_id: valid?.id ?? null,
            reason: valid ? null : (judged[0]?.standing ?? 'no_consent'),
            consents: judged.map(({ consent: { id, givenAt, hash }, standing }) => ({
              id,
              standing,
              given_at: s.printTime(givenAt),
              hash,
            })),
          },
        }
      },
    }),
    endpoint({
      ...common,
      method: 'post',
      path: '/consents/revoke',
      summary:
        'Revoke all consents of a number that were given by then: none of them is good for the next call. A number without any goes on the internal do-not-call list',
      body: Revoke.extend({ number: z.string().max(64), seller_id: s.id<AccountId>().nullish() }),
      answers: { 200: RevokedAnswer },
      async handle({ body, caller }) {
        const number = phoneAt(kit, '/number', body.number)
        if (body.at && body.at > now()) throw invalid('/at', 'must not be in the future', 'in_the_future')
        const { seller_id: sellerId = null } = body
        // Of a number that has none here there is nothing to mark, and its "no" would be lost: then it is one to all calls.
        const isUnknown = sellerId === null && (await consents.ofNumber(number, 1)).length === 0
        const listing = { ...body, do_not_call: body.do_not_call || isUnknown }
        await listNumber(number, listing)
        const revoked = await revoke(
          async (at) =>
            (await consents.ofNumber(number, MOST_OF_A_NUMBER)).filter(
              ({ givenAt, sellers }) =>
                givenAt <= at && (sellerId === null || sellers.some(({ accountId }) => accountId === sellerId)),
            ),
          body,
          caller,
        )
        const ids = revoked.map(({ id }) => id)
        return { status: 200, body: { number, revoked: ids, do_not_call: listing.do_not_call } }
      },
    }),
    endpoint({
      ...common,
      method: 'post',
      path: '/consents/import',
      summary:
        'Keep many: JSON, one a line, or CSV with a heading; bad lines are named, and doing it twice changes nothing',
      streams: ['application/x-ndjson', 'text/csv'],
      answers: { 200: ConsentImportReport },
      async handle({ raw, caller }) {
        return { status: 200, body: await importConsents(kit, raw, by(caller)) }
      },
    }),
    endpoint({
      ...common,
      method: 'post',
      path: '/consents',
      summary: 'Keep a consent; the very same one is kept once (409)',
      body: ConsentInput,
      answers: { 201: ConsentAnswer },
      async handle({ body, caller }) {
        if (compliance.consentRoom() === 0)
          throw new Problem('conflict', 'There are as many consents as compliance.consent.max_in_memory allows.')
        const at = now()
        const record = readConsent(kit, body, by(caller), at)
        await requireAccounts(kit, record, new Map())
        const consent = firstVersion(record, 'captured', by(caller), at)
        const kept = await consents.add([{ consent, fingerprint: fingerprintOf(record) }])
        if (kept.size === 0) throw new Problem('conflict', 'This very consent is kept already.')
        return { status: 201, body: printConsent(consent, at), version: 1 }
      },
    }),
    endpoint({
      ...common,
      method: 'get',
      path: '/consents',
      summary: 'List consents as they are now, newest first; or those of a number',
      query: z.strictObject({ ...s.pageQuery, number: z.string().max(64).optional() }),
      answers: { 200: s.pageOf(ConsentAnswer) },
      async handle({ query }) {
        const at = now()
        if (query.number !== undefined) {
          const found = await consents.ofNumber(phoneAt(kit, '/query/number', query.number), query.limit)
          return { status: 200, body: { data: found.map((each) => printConsent(each, at)), next_cursor: null } }
        }
        const page = await consents.list(kit.cursors.request('consents', query))
        return { status: 200, body: kit.cursors.answer('consents', page, (each) => printConsent(each, at)) }
      },
    }),
    endpoint({
      ...common,
      method: 'get',
      path: '/consents/{id}',
      summary: 'A consent as it is now',
      answers: { 200: ConsentAnswer },
      async handle({ params }) {
        const consent = await get(params['id']!)
        return { status: 200, body: printConsent(consent, now()), version: consent.version }
      },
    }),
    endpoint({
      ...common,
      method: 'patch',
      path: '/consents/{id}',
      summary:
        'Add what came later (certificates, the picture of the form), or bring its end forward, as a new version',
      body: z
        .strictObject({
          certificates: certificatesInput,
          form_snapshot: s.text(1000),
          expires_at: s.instant(),
        })
        .partial(),
      answers: { 200: ConsentAnswer },
      async handle({ params, body, caller, ifMatch }) {
        const current = await get(params['id']!)
        requireMatch(ifMatch, current.version)
        const at = now()
        const { expires_at: expiresAt } = body
        if (
          expiresAt &&
          (expiresAt <= current.givenAt || (current.expiresAt !== null && expiresAt > current.expiresAt))
        )
          throw invalid('/expires_at', 'must be later than given_at, and no later than it was', 'out_of_order')
        const next = nextOf(
          current,
          'amended',
          {
            ...(body.certificates && {
              certificates: [...current.certificates, ...readCertificates(body.certificates, at)],
            }),
            ...(body.form_snapshot !== undefined && { formSnapshot: body.form_snapshot }),
            ...(expiresAt && { expiresAt }),
          },
          by(caller),
          at,
        )
        await consents.change([next])
        return { status: 200, body: printConsent(next, at), version: next.version }
      },
    }),
    endpoint({
      ...common,
      method: 'post',
      path: '/consents/{id}/revoke',
      summary: 'Revoke a consent: it is good for no call from the next one on; one already revoked stays as it is',
      body: Revoke,
      answers: { 200: ConsentAnswer },
      async handle({ params, body, caller }) {
        const current = await get(params['id']!)
        if (body.at) requireRevocable('/at', body.at, current.givenAt, now())
        await listNumber(current.number, body)
        await revoke(async () => [await get(current.id)], body, caller)
        const after = await get(current.id)
        return { status: 200, body: printConsent(after, now()), version: after.version }
      },
    }),
    endpoint({
      ...common,
      method: 'get',
      path: '/consents/{id}/history',
      summary: 'Every version of a consent, oldest first',
      answers: { 200: z.strictObject({ data: z.array(ConsentAnswer) }) },
      async handle({ params }) {
        const versions = await consents.history(params['id'] as ConsentId)
        if (versions.length === 0) throw notFound('consent')
        return { status: 200, body: { data: versions.map((version) => printConsent(version, now())) } }
      },
    }),
    endpoint({
      ...common,
      method: 'get',
      path: '/consents/{id}/proof',
      summary:
        'The proof of a consent: all versions with the texts their hashes are made of; or a page to read and print',
      query: z.strictObject({ format: z.enum(['json', 'html']).default('json') }),
      answers: { 200: ProofAnswer },
      otherTypes: ['text/html'],
      async handle({ params, query }) {
        const versions = await consents.history(params['id'] as ConsentId)
        if (versions.length === 0) throw notFound('consent')
        const proof = proofOf(versions, now())
        const named = { 'content-disposition': `inline; filename="consent-${params['id']!}.${query.format}"` }
        if (query.format === 'json') return { status: 200, body: proof, headers: named }
        const content = { type: 'text/html; charset=utf-8', bytes: proofPage(proof) }
        const headers = { ...named, 'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'" }
        return { status: 200, content, headers }
      },
    }),
  ]
}
