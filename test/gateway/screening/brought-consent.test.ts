import assert from 'node:assert/strict'
import { broughtByInvite, broughtByTags, CERTIFICATE_TAGS } from '../../../gateway/screening/brought-consent.ts'
import { CERTIFICATE_KINDS, type ConsentDemand } from '../../../model/consent.ts'
import { Refusal } from '../../../model/refusal.ts'
import { aKeptConsent } from '../../support/consents.ts'
import { aBid, aNumber, anAccount, CALLER, change, criteria, dollars, marketOf, NOON } from '../../support/market.ts'
import { PingStage } from '../../support/ping-stage.ts'

const ID = '3619bba2ddb80a5dd65145dd6ce6a93f38111e18'
const TRUSTED_FORM = `https://cert.trustedform.com/${ID}`
const LEAD_ID = '2d8a2a3b-8b0c-4c3d-9e1f-0a1b2c3d4e5f'
const DEMAND: ConsentDemand = {
  isOneToOne: false,
  isOnRecord: false,
  certificate: null,
  maxAgeHours: null,
  maxCertificateAgeHours: null,
}

/** Two buyers, of whom the one that bids more asks for a consent. */
function market(consent: Partial<ConsentDemand> = {}): PingStage {
  const stage = new PingStage()
  const asks = criteria({ consent: { ...DEMAND, ...consent } })
  for (const bid of [aBid('asks', 5, { criteria: asks }), aBid('plain', 3)]) {
    stage.apply(...marketOf(bid))
    stage.apply(change.account(anAccount(bid.accountId, { creditLimitMicros: dollars(100) })))
  }
  return stage
}
const kept = (change_: Parameters<typeof aKeptConsent>[2] = {}) => aKeptConsent(CALLER, ['seller'], change_)

describe('what a call brings of a consent', () => {
  it('is read of its headers: TrustedForm’s URL or id, or a LeadiD token, and when', () => {
    const read = (certificate: string, at?: string) =>
      broughtByInvite({
        header: (name) => (name === 'X-DCE-Consent-Certificate' ? certificate : at),
      })
    const trustedForm = { kind: 'trustedform', token: ID, givenAtMs: null }
    assert.deepEqual(read(TRUSTED_FORM), trustedForm)
    assert.deepEqual(read(` ${ID.toUpperCase()} `), trustedForm)
    assert.deepEqual(read(`cert.trustedform.com/${ID}?x=1`), trustedForm)
    assert.deepEqual(read(LEAD_ID.toUpperCase(), '2026-11-20T10:00:00Z'), {
      kind: 'jornaya',
      token: LEAD_ID,
      givenAtMs: Date.parse('2026-11-20T10:00:00Z'),
    })
    assert.equal(read(LEAD_ID, 'yesterday')!.givenAtMs, null)
    for (const text of ['', 'x', 'https://cert.example/1', `https://cert.trustedform.com.evil.example/${ID}`, `${ID}0`])
      assert.equal(read(text), null, text)
  })

  it('is read of the tags that sellers of leads have for it', () => {
    assert.deepEqual(CERTIFICATE_KINDS, ['trustedform', 'jornaya'])
    for (const tag of CERTIFICATE_TAGS) assert.equal(broughtByTags({ [tag]: LEAD_ID })?.kind, 'jornaya', tag)
    const at = broughtByTags({ trustedform_cert_url: TRUSTED_FORM, consent_at: '2026-11-20T10:00:00Z' })
    assert.equal(at?.givenAtMs, Date.parse('2026-11-20T10:00:00Z'))
    assert.equal(broughtByTags({ consent_certificate: 'nonsense', jornaya_leadid: LEAD_ID })?.kind, 'jornaya')
    assert.equal(broughtByTags({ source: 'tv' }), null)
    assert.equal(broughtByTags(undefined), null)
  })

  it('lets it to buyers that ask for it, of a call and of a ping', () => {
    const stage = market({ certificate: 'trustedform' })
    const said = { 'X-DCE-Consent-Certificate': TRUSTED_FORM }
    const winners = ({ awards }: { awards: readonly { buyerId: string }[] }) => awards.map(({ buyerId }) => buyerId)
    assert.deepEqual(winners(stage.call()), ['plain-buyer'])
    assert.deepEqual(winners(stage.call({ said })), ['asks-buyer', 'plain-buyer'])
    const { token } = stage.accepted({ tags: { trustedform_cert_url: TRUSTED_FORM } })
    assert.equal(stage.call({ token }).call.promised?.award.buyerId, 'asks-buyer')
  })

  it('tells a pinging seller what was missing', () => {
    const stage = market()
    stage.apply({ kind: 'bid', id: 'plain' as never, value: null })
    const answer = stage.ask()
    assert.equal(answer.kind, 'rejected')
    assert.deepEqual(answer.kind === 'rejected' && answer.reasons.map(({ code, number }) => [code, number]), [
      ['consent_missing', 330],
    ])
  })
})

describe('a consent on record', () => {
  it('sells the next call to who asks for it, and its revocation keeps the next one from them', () => {
    const stage = market({ isOnRecord: true })
    const consent = kept()
    stage.apply({ kind: 'consent', kept: [consent], gone: [] })
    assert.equal(stage.call().awards[0]!.buyerId, 'asks-buyer')
    stage.apply({ kind: 'consent', kept: [{ ...consent, revokedAtMs: NOON }], gone: [] })
    assert.equal(stage.call().awards[0]!.buyerId, 'plain-buyer')
  })

  it('that is revoked after its ping has the call auctioned afresh', () => {
    const stage = market()
    const consent = kept()
    stage.apply({ kind: 'consent', kept: [consent], gone: [] })
    const { token } = stage.accepted()
    stage.apply({ kind: 'consent', kept: [{ ...consent, revokedAtMs: NOON }], gone: [] })
    const { call, awards } = stage.call({ token })
    assert.deepEqual([call.promised, awards.map(({ buyerId }) => buyerId)], [null, ['plain-buyer']])
    assert.ok(call.trace.some(({ detail }) => detail === 'a consent it was sold by is good no more'))
  })

  it('is what a transfer needs once any is kept; the next one after its revocation is refused', () => {
    const stage = market()
    const transfers = aNumber({ trafficType: 'transfer' })
    stage.apply({ kind: 'number', id: transfers.id, value: transfers })
    assert.equal(stage.call().awards.length, 1, 'none is kept here: the seller answers for it')
    const consent = kept()
    stage.apply({ kind: 'consent', kept: [consent], gone: [] })
    assert.equal(stage.call().awards.length, 2)
    stage.apply({ kind: 'consent', kept: [{ ...consent, revokedAtMs: NOON }], gone: [] })
    assert.throws(
      () => stage.call(),
      (error: unknown) => error instanceof Refusal && error.reason === 'compliance' && error.message === 'consent',
    )
    const said = { 'X-DCE-Consent-Certificate': TRUSTED_FORM }
    assert.throws(() => stage.call({ said }), Refusal, 'nobody says that the certificate is younger than the no')
  })
})
