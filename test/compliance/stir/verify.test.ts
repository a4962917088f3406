import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import fc from 'fast-check'
import { canonicalNumber } from '../../../compliance/stir/canonical-number.ts'
import { MAX_IDENTITIES, parseIdentityHeader, printIdentityHeader } from '../../../compliance/stir/identity-header.ts'
import { signPassport } from '../../../compliance/stir/passport.ts'
import { signDiversion } from '../../../compliance/stir/sign.ts'
import { verstatOf } from '../../../compliance/stir/verstat.ts'
import { claimConstraintsOf, makeStirCertificate, tnAuthListOf } from '../../support/stir-certificates.ts'
import { CALLEE, CALLER, NOW_MS, ORIG_ID, REQUEST, root, said, signedBy, signer, URL, verify } from './support.ts'

const SECONDS = Math.floor(NOW_MS / 1000)
const CLAIMS = { attest: 'A', dest: { tn: [CALLEE] }, iat: SECONDS, orig: { tn: CALLER }, origid: ORIG_ID }

/** A shaken Identity header with these claims instead. */
function withClaims(over: Record<string, unknown>, ppt = 'shaken'): string {
  return printIdentityHeader(signPassport(ppt, URL, { ...CLAIMS, ...over }, signer.key), URL, ppt)
}

/** The signature of what a compact form leaves out. */
function compactMark(signed: string): string {
  return sign('sha256', Buffer.from(signed), { key: signer.key, dsaEncoding: 'ieee-p1363' }).toString('base64url')
}

describe('a signed call (RFC 8224, RFC 8225, RFC 8588)', () => {
  it('passes with its attestation, its origin and who signed it', () => {
    const { result, assertion } = verify([signedBy(signer, { attestation: 'B' })])
    assert.deepEqual(result, {
      verdict: 'passed',
      attestation: 'B',
      origId: ORIG_ID,
      signer: '709J',
      status: null,
      detail: 'the signature is good',
    })
    assert.deepEqual(assertion!.passport.orig, { tn: CALLER })
  })

  it('is none without an Identity header, and with those of other kinds alone', () => {
    assert.equal(said([]), 'none null')
    assert.equal(said([withClaims({ rcd: { nam: 'Ann' } }, 'rcd')]), 'none null')
    assert.equal(said([withClaims({ rcd: { nam: 'Ann' } }, 'rcd'), signedBy(signer)]), 'passed A')
  })

  it('is stale more than a minute from now, before and after: 403', () => {
    const at = (iat: number): string => said([withClaims({ iat })])
    assert.deepEqual([at(SECONDS - 58), at(SECONDS + 58)], ['passed A', 'passed A'])
    assert.deepEqual([at(SECONDS - 62), at(SECONDS + 62)], ['403', '403'])
  })

  it('is about this caller and this callee: 438 otherwise', () => {
    const other = { ...REQUEST, callers: ['12155550199'] }
    assert.equal(said([signedBy(signer)], { request: other }), '438')
    assert.equal(said([signedBy(signer)], { request: { ...REQUEST, callees: ['18005550199'] } }), '438')
    assert.equal(said([signedBy(signer)], { request: { ...REQUEST, callers: [] } }), '438')
    // Either of the two that P-Asserted-Identity and From, or To and the Request-URI, name.
    assert.equal(
      said([signedBy(signer)], { request: { ...REQUEST, callers: ['1', CALLER], callees: ['2', CALLEE] } }),
      'passed A',
    )
    assert.equal(said([withClaims({ dest: { tn: ['12', CALLEE], uri: ['sip:a@b'] } })]), 'passed A')
    assert.equal(said([withClaims({ orig: { tn: `+${CALLER}` } })]), '438', 'numbers are canonical')
  })

  it('lacks nothing that its kind must say: 438', () => {
    for (const over of [
      { attest: 'D' },
      { attest: undefined },
      { origid: '' },
      { origid: undefined },
      { iat: '1' },
      { iat: 1.5 },
      { iat: undefined },
      { orig: {} },
      { orig: { tn: [CALLER] } },
      { dest: { tn: [] } },
      { dest: { tn: CALLEE } },
      { dest: undefined },
    ])
      assert.equal(said([withClaims(over)]), '438', JSON.stringify(over))
  })

  it('says the same in its parameters as in its token: 438; another algorithm is not supported: 437', () => {
    const token = signedBy(signer).split(';')[0]!
    assert.equal(said([`${token};info=<https://certs.example/other.pem>;alg=ES256;ppt=shaken`]), '438')
    assert.equal(said([`${token};info=<${URL}>;alg=ES256;ppt=div`]), '438')
    assert.equal(said([`${token};info=<${URL}>;alg=RS256;ppt=shaken`]), '437')
    assert.equal(said([`${token};info=<${URL}>`]), 'passed A')
    assert.equal(said([`${token} ; ppt = "shaken" ; alg="ES256" ; info=<${URL}> ; x`]), 'passed A')
    const none = `${token.split('.')[0]}.${token.split('.')[1]}.`
    assert.equal(said([`${none};info=<${URL}>;alg=ES256;ppt=shaken`]), '438')
    const unsigned = Buffer.from(JSON.stringify({ alg: 'none', ppt: 'shaken', typ: 'passport', x5u: URL })).toString(
      'base64url',
    )
    assert.equal(said([`${unsigned}.${token.split('.')[1]}.;info=<${URL}>;ppt=shaken`]), '437')
  })

  it('counts when one of several headers holds, wherever it stands', () => {
    const forged = signedBy(makeStirCertificate({ issuer: root }))
    assert.equal(said([forged]), '438')
    assert.equal(said([forged, signedBy(signer)]), 'passed A')
    assert.equal(said(['rubbish', signedBy(signer)]), 'passed A')
    assert.equal(said(['rubbish']), '438')
    assert.equal(said([...Array<string>(10).fill(forged), signedBy(signer)]), '438', 'only so many are read')
    const elsewhere = (count: number): string[] =>
      Array.from({ length: count }, (_, i) => signedBy(signer, { url: `https://certs.example/${i}.pem` }))
    assert.equal(said([...elsewhere(3), signedBy(signer)]), 'passed A')
    assert.equal(said([...elsewhere(4), signedBy(signer)]), '436', 'only so many certificates are fetched')
  })

  it('may come in compact form where its claims can be told from the request, and in no other', () => {
    const full = signPassport('x', URL, {}, signer.key)
    assert.equal(said([`..${full.split('.')[2]};info=<${URL}>;alg=ES256`]), '438')
    const header = Buffer.from(JSON.stringify({ alg: 'ES256', typ: 'passport', x5u: URL })).toString('base64url')
    const claims = Buffer.from(JSON.stringify({ dest: { tn: [CALLEE] }, iat: SECONDS, orig: { tn: CALLER } })).toString(
      'base64url',
    )
    const mark = compactMark(`${header}.${claims}`)
    assert.equal(said([`..${mark};info=<${URL}>;alg=ES256`]), 'passed null')
    assert.equal(said([`..${mark};info=<${URL}>;alg=ES256;ppt=shaken`]), '438')
    assert.equal(said([`..${mark};info=<${URL}>`], { request: { ...REQUEST, dateS: null } }), '438')
    assert.equal(said([`..${mark};info=<${URL}>`], { request: { ...REQUEST, dateS: SECONDS - 1 } }), '438')
  })

  it('passes in full form without ppt, and attests nothing then', () => {
    const header = { alg: 'ES256', typ: 'passport', x5u: URL }
    const signed = [header, { dest: { tn: [CALLEE] }, iat: SECONDS, orig: { tn: CALLER } }]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.')
    assert.equal(said([`${signed}.${compactMark(signed)};info=<${URL}>`]), 'passed null')
  })

  it('is not read beyond its bounds', () => {
    assert.equal(parseIdentityHeader(`${signedBy(signer)};x=${'y'.repeat(9000)}`), null)
    assert.equal(said([withClaims({ dest: { tn: Array<string>(51).fill(CALLEE) } })]), '438')
    assert.equal(said([withClaims({ origid: 'x'.repeat(257) })]), '438')
  })

  it('names its number as carriers write it (RFC 8224 §8.3)', () => {
    for (const uri of [
      'sip:+12155550142@host',
      'tel:+1-215-555-0142',
      'sip:2155550142;npdi@host;user=phone',
      'sip:12155550142@h',
    ])
      assert.equal(canonicalNumber(uri), CALLER, uri)
    assert.equal(canonicalNumber('sip:+10000000000@host'), '10000000000')
    assert.equal(canonicalNumber('sip:911@host'), '911')
    for (const uri of ['sip:anonymous@anonymous.invalid', 'sip:10.0.0.1', 'sip:ann@host', ''])
      assert.equal(canonicalNumber(uri), null, uri)
  })
})

describe('a diverted call (RFC 8946)', () => {
  const NEXT = '18005550111'
  const LAST = '18005550122'
  const divert = (from: string, to: string, key = signer.key): string =>
    signDiversion({ key, certificateUrl: URL }, { orig: { tn: CALLER }, iat: SECONDS }, { tn: from }, { tn: to })

  it('passes when each diversion leads on from whom the call was for, in any order', () => {
    const request = { ...REQUEST, callees: [LAST] }
    const headers = [divert(NEXT, LAST), signedBy(signer), divert(CALLEE, NEXT)]
    const { result, assertion } = verify(headers, { request })
    assert.deepEqual([result.verdict, result.attestation], ['passed', 'A'])
    assert.equal(assertion!.diversions.length, 2)
    assert.equal(said([signedBy(signer), divert(NEXT, LAST)], { request }), '438', 'a step is missing')
  })

  it('passes by as many diversions as headers are read, each signed by another', () => {
    const published: Record<string, string> = { [URL]: signer.pem }
    const headers = [signedBy(signer)]
    let from = CALLEE
    for (let nth = 1; nth < MAX_IDENTITIES; nth++) {
      const { key, pem } = makeStirCertificate({ issuer: root })
      const [to, certificateUrl] = [`1800555020${nth}`, `https://certs.example/${nth}.pem`]
      published[certificateUrl] = pem
      headers.push(
        signDiversion({ key, certificateUrl }, { orig: { tn: CALLER }, iat: SECONDS }, { tn: from }, { tn: to }),
      )
      from = to
    }
    assert.equal(said(headers, { request: { ...REQUEST, callees: [from] }, published }), 'passed A')
  })

  it('fails when a diversion is forged, of another caller, or goes round', () => {
    const request = { ...REQUEST, callees: [NEXT] }
    const forged = divert(CALLEE, NEXT, generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
    assert.equal(said([signedBy(signer), forged], { request }), '438')
    const other = signDiversion(
      { key: signer.key, certificateUrl: URL },
      { orig: { tn: '12155550199' }, iat: SECONDS },
      { tn: CALLEE },
      { tn: NEXT },
    )
    assert.equal(said([signedBy(signer), other], { request }), '438')
    assert.equal(said([signedBy(signer), divert(CALLEE, LAST), divert(LAST, CALLEE)], { request }), '438')
    assert.equal(said([divert(CALLEE, NEXT)], { request }), '438', 'nobody has signed the call itself')
  })

  it('is signed for whom the call was for: the certificate must speak for that number', () => {
    const own = makeStirCertificate({ issuer: root, tnAuthList: tnAuthListOf({ numbers: [CALLEE] }) })
    const at = 'https://certs.example/own.pem'
    const header = signDiversion(
      { key: own.key, certificateUrl: at },
      { orig: { tn: CALLER }, iat: SECONDS },
      { tn: CALLEE },
      { tn: NEXT },
    )
    const published = { [URL]: signer.pem, [at]: own.pem }
    assert.equal(said([signedBy(signer), header], { request: { ...REQUEST, callees: [NEXT] }, published }), 'passed A')
    const foreign = signDiversion(
      { key: own.key, certificateUrl: at },
      { orig: { tn: CALLER }, iat: SECONDS },
      { tn: NEXT },
      { tn: LAST },
    )
    const path = [signedBy(signer), divert(CALLEE, NEXT), foreign]
    assert.equal(said(path, { request: { ...REQUEST, callees: [LAST] }, published }), '437')
  })
})

describe('a certificate of one who signs (RFC 8226)', () => {
  const signs = (options: Partial<Parameters<typeof makeStirCertificate>[0]>): string => {
    const made = makeStirCertificate({ issuer: root, ...options })
    return said([signedBy(made)], { published: { [URL]: made.pem } })
  }

  it('comes from a trusted root, through what lies between', () => {
    const between = makeStirCertificate({ issuer: root, name: 'Between', isAuthority: true, tnAuthList: null })
    const leaf = makeStirCertificate({ issuer: between })
    assert.equal(said([signedBy(leaf)], { published: { [URL]: leaf.pem + between.pem } }), 'passed A')
    assert.equal(said([signedBy(leaf)], { published: { [URL]: leaf.pem } }), '437')
    const noAuthority = makeStirCertificate({ issuer: root, name: 'No authority' })
    const below = makeStirCertificate({ issuer: noAuthority })
    assert.equal(said([signedBy(below)], { published: { [URL]: below.pem + noAuthority.pem } }), '437')
    assert.equal(signs({ issuer: null }), '437', 'signed by itself')
    const impostor = makeStirCertificate({ issuer: null, name: 'Test STI-CA', isAuthority: true, tnAuthList: null })
    assert.equal(signs({ issuer: impostor }), '437', 'of a root’s name, and not its key')
  })

  it('comes from an authority with no more authorities below it than it allows (RFC 5280 §4.2.1.9): 437', () => {
    const below = (maxBelow: number): string => {
      const authority = { isAuthority: true, tnAuthList: null }
      const upper = makeStirCertificate({ issuer: root, name: 'Upper', maxBelow, ...authority })
      const lower = makeStirCertificate({ issuer: upper, name: 'Lower', maxBelow: 0, ...authority })
      const leaf = makeStirCertificate({ issuer: lower })
      return said([signedBy(leaf)], { published: { [URL]: leaf.pem + lower.pem + upper.pem } })
    }
    assert.deepEqual([below(0), below(1), below(300)], ['437', 'passed A', 'passed A'])
  })

  it('comes from a root at most five steps away', () => {
    const chainOf = (steps: number): string => {
      const chain = [root]
      for (let at = 1; at < steps; at++)
        chain.push(
          makeStirCertificate({ issuer: chain.at(-1)!, name: `Between ${at}`, isAuthority: true, tnAuthList: null }),
        )
      const leaf = makeStirCertificate({ issuer: chain.at(-1)! })
      const published = { [URL]: [leaf, ...chain.slice(1)].map(({ pem }) => pem).join('') }
      return said([signedBy(leaf)], { published })
    }
    assert.deepEqual([chainOf(5), chainOf(6)], ['passed A', '437'])
  })

  it('is of today, has a key of P-256, and says for whom it speaks: 437', () => {
    const past = new Date(NOW_MS - 10 * 86_400_000)
    assert.equal(signs({ validFrom: past, validUntil: new Date(NOW_MS - 60_000) }), '437')
    assert.equal(signs({ validFrom: new Date(NOW_MS + 60_000) }), '437')
    assert.equal(signs({ tnAuthList: null }), '437')
    assert.equal(signs({ tnAuthList: Buffer.of(0x30, 0) }), '437')
    assert.equal(signs({ extensions: [{ id: '1.2.3.4', isCritical: true, value: Buffer.of(5, 0) }] }), '437')
    assert.equal(signs({ extensions: [{ id: '1.2.3.4', value: Buffer.of(5, 0) }] }), 'passed A')
    const large = makeStirCertificate({ issuer: root, curve: 'P-384' })
    assert.equal(said([signedBy(signer)], { published: { [URL]: large.pem } }), '437')
  })

  it('speaks for numbers and ranges of them', () => {
    const list = (of: Parameters<typeof tnAuthListOf>[0]): string => signs({ tnAuthList: tnAuthListOf(of) })
    assert.equal(list({ numbers: [CALLER] }), 'passed A')
    assert.equal(list({ numbers: ['12155550143'] }), '437')
    assert.equal(list({ ranges: [['12155550100', 43]] }), 'passed A')
    assert.equal(list({ ranges: [['12155550100', 42]] }), '437')
    assert.equal(list({ ranges: [['12155550143', 5]] }), '437')
    assert.equal(list({ ranges: [['1215555010', 1000]] }), '437', 'of another length')
    assert.equal(list({ ranges: [['12155550100', 1]] }), '437', 'a range of one is none')
    assert.equal(list({ codes: ['709J', '710J'] }), 'passed A')
    const many = (count: number): string => list({ numbers: [...Array<string>(count - 1).fill('1'), CALLER] })
    assert.deepEqual([many(10_000), many(10_001)], ['passed A', '437'])
  })

  it('limits what its PASSporTs may say (RFC 8226 §8, RFC 9118)', () => {
    const limits = (of: Parameters<typeof claimConstraintsOf>[0]): string =>
      signs({ extensions: [{ id: '1.3.6.1.5.5.7.1.33', value: claimConstraintsOf(of) }] })
    assert.equal(limits({ permitted: { attest: ['B', 'C'] } }), '438')
    assert.equal(limits({ permitted: { attest: ['A'] } }), 'passed A')
    assert.equal(limits({ mustInclude: ['rcd'] }), '438')
    assert.equal(limits({ mustInclude: ['attest', 'origid'] }), 'passed A')
    assert.equal(limits({ mustExclude: ['attest'] }), '438')
  })

  it('is a certificate: 436 for anything else its URL answers', () => {
    const answers = (body: string): string => said([signedBy(signer)], { published: { [URL]: body } })
    assert.deepEqual([answers(''), answers('<html>'), answers(signer.pem.repeat(11))], ['436', '436', '436'])
    assert.equal(answers('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'), '436')
    assert.equal(said([signedBy(signer)], { published: {} }), '436')
  })
})

describe('a mutated Identity header', () => {
  it('never passes, whatever one character of its token was changed to, left out or put in', () => {
    const header = signedBy(signer)
    const end = header.indexOf(';')
    const characters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=~ ;<>"'
    const change = fc.record({
      at: fc.nat(end - 1),
      to: fc.constantFrom(...characters.split(''), ''),
      isInserted: fc.boolean(),
    })
    fc.assert(
      fc.property(change, ({ at, to, isInserted }) => {
        const mutated = header.slice(0, at) + to + header.slice(isInserted ? at : at + 1)
        if (mutated === header) return
        assert.notEqual(verify([mutated]).result.verdict, 'passed', mutated)
      }),
      { numRuns: 2000 },
    )
  })

  it('is judged without a throw, whatever stands there', () => {
    const json = fc.json({ maxDepth: 3 }).map((text) => Buffer.from(text).toString('base64url'))
    const token = fc.tuple(json, json, fc.base64String({ maxLength: 90 })).map((parts) => parts.join('.'))
    const field = fc.oneof(
      fc.string({ maxLength: 200 }),
      token.map((each) => `${each};info=<${URL}>;ppt=shaken`),
    )
    fc.assert(
      fc.property(fc.array(field, { maxLength: 12 }), (fields) => {
        assert.notEqual(verify(fields).result.verdict, 'passed')
      }),
      { numRuns: 1000 },
    )
  })

  it('never passes with any claim or time other than was signed', () => {
    const [head, body, mark] = signedBy(signer).split(';')[0]!.split('.') as [string, string, string]
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as Record<string, unknown>
    const value = fc.oneof(fc.constantFrom('B', 'C', CALLER, CALLEE, SECONDS + 1), fc.string(), fc.integer())
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(claims), 'x'), value, (claim, to) => {
        const changed = {
          ...claims,
          [claim]: claim === 'dest' ? { tn: [CALLEE, String(to)] } : claim === 'orig' ? { tn: CALLER, x: to } : to,
        }
        const token = `${head}.${Buffer.from(JSON.stringify(changed)).toString('base64url')}.${mark}`
        if (JSON.stringify(changed) === JSON.stringify(claims)) return
        assert.equal(verify([printIdentityHeader(token, URL, 'shaken')]).result.verdict, 'failed')
      }),
      { numRuns: 1000 },
    )
  })
})

describe('a mutated certificate', () => {
  it('is trusted in no part that was changed, and read without a throw', () => {
    const bytes = signer.x509.raw
    const pemOf = (der: Buffer): string =>
      `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const changed = Buffer.from(bytes)
        changed[at]! ^= by
        const status = said([signedBy(signer)], { published: { [URL]: pemOf(changed) } })
        assert.ok(status === '436' || status === '437', `${status} with byte ${at} changed`)
      }),
      { numRuns: 500 },
    )
  })
})

describe('verstat', () => {
  it('says what became of the signature, and the attestation where it is asked for', () => {
    const { result } = verify([signedBy(signer)])
    assert.equal(verstatOf('off', result), '')
    assert.equal(verstatOf('plain', null), '')
    assert.equal(verstatOf('plain', result), ';verstat=TN-Validation-Passed')
    assert.equal(verstatOf('attested', result), ';verstat=TN-Validation-Passed-A')
    assert.equal(verstatOf('attested', verify(['rubbish']).result), ';verstat=TN-Validation-Failed')
    assert.equal(verstatOf('plain', verify([]).result), ';verstat=No-TN-Validation')
  })
})
