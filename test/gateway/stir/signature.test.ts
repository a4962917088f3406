import assert from 'node:assert/strict'
import { RevokedCertificates } from '../../../compliance/stir/revoked-certificates.ts'
import { readSigningCertificate, TrustedRoots } from '../../../compliance/stir/signing-certificate.ts'
import type { Arrival, ArrivedInvite } from '../../../gateway/screening/arrival.ts'
import { Until, type Contribution } from '../../../gateway/screening/evidence.ts'
import type { Call } from '../../../gateway/live-call.ts'
import type { Certificates } from '../../../gateway/stir/certificates.ts'
import { OutgoingIdentity } from '../../../gateway/stir/outgoing-identity.ts'
import { signatureEvidence, type SignaturePolicy } from '../../../gateway/stir/signature-evidence.ts'
import type { CallId } from '../../../model/ids.ts'
import type { PhoneNumber } from '../../../model/phone-number.ts'
import type { StirResult } from '../../../model/stir.ts'
import type { Trunk } from '../../../model/trunk.ts'
import { aNumber, anAccount, aTrunk } from '../../support/market.ts'
import { makeCrl, makeStirCertificate } from '../../support/stir-certificates.ts'
import { CALLEE, CALLER, NOW_MS, root, said, signedBy, signer, URL, verify } from '../../compliance/stir/support.ts'

const roots = new TrustedRoots([root.x509])
const known = readSigningCertificate(signer.pem, roots)
const POLICY: SignaturePolicy = { enforces: false, refusesMissing: false, freshMs: 60_000, deadlineMs: 5000 }
const ENFORCE: SignaturePolicy = { ...POLICY, enforces: true }

/** A call from the signed caller to the signed number; `asserted`: who is said to be calling. */
function anArrival(identities: readonly string[], asserted: string | null = `+${CALLER}`): Arrival {
  const trunk = aTrunk('trunk', 'seller')
  const caller = {
    header: () => undefined,
    fields: () => identities,
    identityUris: [`sip:${asserted ?? 'anonymous'}@carrier.example`],
    toUri: `sip:+${CALLEE}@exchange.example`,
  }
  return {
    callId: 'call' as CallId,
    atMs: NOW_MS,
    ani: asserted as PhoneNumber | null,
    number: aNumber({ number: `+${CALLEE}` as PhoneNumber }),
    seller: anAccount('seller', { type: 'seller' }),
    places: [],
    zip: null,
    originatedAtMs: null,
    brought: null,
    offer: { sellerId: 'seller', numberId: 'number', vertical: 'insurance', tags: {} },
    invite: { trunk, caller: caller as unknown as ArrivedInvite['caller'] },
  }
}

describe('the signature of a call, as evidence', () => {
  let counted: StirResult[]
  beforeEach(() => (counted = []))

  function gather(
    policy: SignaturePolicy,
    arrival: Arrival,
    find: Certificates['find'] = () => known,
    revoked: RevokedCertificates | null = null,
  ): ReturnType<ReturnType<typeof signatureEvidence>['gather']> {
    const onVerified = (result: StirResult): void => void counted.push(result)
    const needs = { policy, certificates: { find }, revoked: () => revoked, now: () => NOW_MS, onVerified }
    return signatureEvidence(needs).gather(arrival, new Until())
  }
  function now(found: ReturnType<typeof gather>): Contribution {
    return found instanceof Promise || found === null ? assert.fail('it was to be known at once') : found
  }

  it('is known at once where its certificate is, and attests what rules judge by', () => {
    const { request, checks, refusal } = now(gather(ENFORCE, anArrival([signedBy(signer)])))
    assert.equal(request!.attestation, 'A')
    assert.equal(refusal, undefined)
    assert.deepEqual(checks, [
      {
        check: 'signature',
        effect: 'allow',
        rule: 'signature',
        source: 'RFC 8224 §6.2.2',
        detail: 'the signature is good, attestation A, signed by 709J',
      },
    ])
    assert.deepEqual(
      counted.map(({ verdict }) => verdict),
      ['passed'],
    )
  })

  it('refuses with the standard’s own words where it is wrong and that is enforced, and advises where it is not', () => {
    const forged = signedBy(makeStirCertificate({ issuer: root }))
    const refused = now(gather(ENFORCE, anArrival([forged])))
    assert.deepEqual(refused.refusal, {
      reason: 'signature',
      text: 'Invalid Identity Header',
      status: 438,
      headers: { Reason: 'STIR;cause=438;text="Invalid Identity Header"' },
    })
    assert.deepEqual([refused.checks![0]!.effect, refused.checks![0]!.rule], ['block', 'signature:438'])
    const stale = now(gather(ENFORCE, anArrival([signedBy(signer, { nowMs: NOW_MS - 61_000 })])))
    assert.deepEqual([stale.refusal!.status, stale.refusal!.text], [403, 'Stale Date'])
    const away = now(gather(ENFORCE, anArrival([signedBy(signer)]), () => ({ status: 436, detail: 'away' })))
    assert.deepEqual([away.refusal!.status, away.refusal!.text], [436, 'Bad Identity Info'])
    const revoked = new RevokedCertificates(makeCrl(root, [{ serial: signer.x509.serialNumber }]), [root.x509])
    const back = now(gather(ENFORCE, anArrival([signedBy(signer)]), () => known, revoked))
    assert.deepEqual([back.refusal!.status, back.refusal!.text], [437, 'Unsupported Credential'])
    const advised = now(gather(POLICY, anArrival([forged])))
    assert.deepEqual(
      [advised.refusal, advised.checks![0]!.effect, advised.request!.attestation],
      [undefined, 'advisory', null],
    )
  })

  it('is missed by nobody, unless the operator says so: 428', () => {
    const unsigned = now(gather(ENFORCE, anArrival([])))
    assert.deepEqual([unsigned.refusal, unsigned.checks![0]!.effect], [undefined, 'allow'])
    const asked = now(gather({ ...ENFORCE, refusesMissing: true }, anArrival([])))
    assert.deepEqual([asked.refusal!.status, asked.refusal!.text], [428, 'Use Identity Header'])
    const verified = now(gather({ ...POLICY, refusesMissing: true }, anArrival([])))
    assert.equal(verified.refusal, undefined)
  })

  it('speaks for the caller that the call is taken to be from, whoever else the request names', () => {
    const other = anArrival([signedBy(signer)], '+12155550199')
    Object.assign(other.invite!.caller, { header: () => `<sip:+${CALLER}@carrier.example>` })
    assert.equal(now(gather(ENFORCE, other)).refusal!.status, 438)
    assert.equal(now(gather(ENFORCE, anArrival([signedBy(signer)], null))).refusal!.status, 438)
  })

  it('waits for a certificate that is not known yet, and no longer than its deadline: 436', async () => {
    const arrives = gather(ENFORCE, anArrival([signedBy(signer)]), () => Promise.resolve(known))
    assert.ok(arrives instanceof Promise)
    assert.equal((await arrives)!.request!.attestation, 'A')
    const never = gather({ ...ENFORCE, deadlineMs: 20 }, anArrival([signedBy(signer)]), () => new Promise(() => {}))
    assert.equal((await never)!.refusal!.status, 436)
  })

  it('is nothing to a ping', () => {
    assert.equal(gather(ENFORCE, { ...anArrival([]), invite: null }), null)
  })
})

describe('our own signature of a call', () => {
  const own = makeStirCertificate({ issuer: root, name: 'Exchange' })
  const OURS = 'https://exchange.example/stir.pem'
  const published = { [URL]: signer.pem, [OURS]: own.pem }
  const TARGET = '18885550177'
  let signed: string[]

  function sign(
    trunk: Partial<Trunk>,
    identities: readonly string[],
    uri = `sip:+${TARGET}@buyer.example`,
  ): string | null {
    const identity = new OutgoingIdentity({
      signer: { key: own.key, certificateUrl: OURS },
      now: () => NOW_MS,
      onSigned: (ppt, attestation) => void signed.push(`${ppt} ${attestation}`),
    })
    const { assertion, result } = verify(identities, { published })
    const call = {
      signature: { assertion, result },
      facts: {
        trunk: aTrunk('0192f0c1-5a5e-7000-8000-000000000001', 'seller', trunk),
        ani: `+${CALLER}`,
        dnis: `+${CALLEE}`,
      },
      caller: { header: () => identities[0] },
    }
    return identity.sign(call as unknown as Call, uri)
  }
  /** What a buyer with this number finds. */
  const heard = (identities: readonly string[], callee = TARGET): string =>
    said(identities, { request: { callers: [CALLER], callees: [callee], dateS: null, nowMs: NOW_MS }, published })

  beforeEach(() => (signed = []))

  it('attests by the trunk, and with A only a number that is known to be its customer’s', () => {
    assert.equal(sign({}, []), null, 'the trunk says nothing')
    const attested = (trunk: Partial<Trunk>): string => heard([sign(trunk, [])!])
    assert.equal(attested({ attestation: 'A' }), 'passed B')
    assert.equal(attested({ attestation: 'A', callerNumbers: [`+${CALLER}`] }), 'passed A')
    assert.equal(attested({ attestation: 'A', callerNumbers: ['+1215555*'] }), 'passed A')
    assert.equal(attested({ attestation: 'A', callerNumbers: ['+12155550199', '+1212*'] }), 'passed B')
    assert.equal(attested({ attestation: 'B', callerNumbers: [`+${CALLER}`] }), 'passed B')
    assert.equal(attested({ attestation: 'C', callerNumbers: [`+${CALLER}`] }), 'passed C')
    assert.deepEqual(signed, ['shaken B', 'shaken A', 'shaken A', 'shaken B', 'shaken B', 'shaken C'])
  })

  it('tells of the diversion beside a signature that is good, and leaves a bad one alone', () => {
    const theirs = signedBy(signer)
    const div = sign({ attestation: 'A' }, [theirs])!
    assert.match(div, /;ppt=div$/)
    assert.equal(heard([theirs, div]), 'passed A')
    assert.equal(heard([theirs]), '438', 'without it, it is for somebody else')
    assert.deepEqual(signed, ['div null'])
    const forged = signedBy(makeStirCertificate({ issuer: root }))
    assert.equal(sign({ attestation: 'A' }, [forged]), null)
    assert.equal(sign({}, [theirs], `sip:+${CALLEE}@buyer.example`), null, 'it is still for the same number')
  })

  it('names a target without a number by its URI', () => {
    const div = sign({}, [signedBy(signer)], 'sip:Sales@Buyer.Example:5070;transport=tls')!
    const claims: unknown = JSON.parse(Buffer.from(div.split('.')[1]!, 'base64url').toString())
    assert.deepEqual(claims, {
      dest: { uri: ['sip:Sales@buyer.example:5070'] },
      div: { tn: CALLEE },
      iat: Math.floor(NOW_MS / 1000),
      orig: { tn: CALLER },
    })
  })
})
