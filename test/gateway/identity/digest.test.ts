import assert from 'node:assert/strict'
import { digestSecret } from '../../../accounts/credentials.ts'
import {
  buildChallenge,
  isAnsweredWith,
  MalformedAuthorization,
  readDigestAnswer,
} from '../../../gateway/identity/digest.ts'

// RFC 7616 §3.9.1.
const MUFASA = {
  username: '"Mufasa"',
  realm: '"http-auth@example.org"',
  uri: '"/dir/index.html"',
  nonce: '"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"',
  nc: '00000001',
  cnonce: '"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"',
  qop: 'auth',
  opaque: '"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"',
}
const MD5 = { algorithm: 'MD5', response: '"8ca523f5e9506fed4657c9700eebdbec"' }
const SHA_256 = {
  algorithm: 'SHA-256',
  response: '"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"',
}
const REALM = 'http-auth@example.org'
const SECRET = digestSecret('Mufasa', REALM, 'Circle of Life')

function authorization(parameters: Record<string, string | undefined>): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined)
  return `Digest ${given.map(([name, value]) => `${name}=${value}`).join(', ')}`
}

const refused = (what: RegExp) => (error: unknown) =>
  error instanceof MalformedAuthorization && what.test(error.message)

describe('a digest answer', () => {
  for (const algorithm of [MD5, SHA_256]) {
    it(`is right in the example of RFC 7616 with ${algorithm.algorithm}`, () => {
      const answer = readDigestAnswer(authorization({ ...MUFASA, ...algorithm }), REALM)!
      assert.equal(answer.username, 'Mufasa')
      assert.equal(answer.count, 1)
      assert.equal(isAnsweredWith(SECRET, answer, 'GET'), true)
      assert.equal(isAnsweredWith(SECRET, answer, 'PUT'), false, 'another method')
      assert.equal(isAnsweredWith(digestSecret('Mufasa', REALM, 'circle of life'), answer, 'GET'), false)
      assert.equal(isAnsweredWith(SECRET, { ...answer, nc: '00000002' }, 'GET'), false, 'another count')
    })
  }

  it('is MD5 when it does not say', () => {
    const answer = readDigestAnswer(authorization({ ...MUFASA, response: MD5.response }), REALM)!
    assert.equal(answer.algorithm, 'MD5')
    assert.equal(isAnsweredWith(SECRET, answer, 'GET'), true)
  })

  it('is found among those for other realms and schemes, in any case and spacing, tokens quoted or not', () => {
    const theirs = authorization({ ...MUFASA, ...MD5, realm: '"elsewhere"' })
    const quoted = { ...MUFASA, ...SHA_256, qop: '"auth"', algorithm: '"sha-256"', nc: '"00000001"' }
    const ours = authorization(quoted).replace('Digest', 'DIGEST').replaceAll(', ', ' ,\r\n ').replaceAll('=', ' = ')
    const text = `Basic realm="${REALM}", ${theirs},${ours.replace(/ = "(?=[^"]*$)/, '="')}`
    const answer = readDigestAnswer(text, REALM)!
    assert.equal(answer.algorithm, 'SHA-256')
    assert.equal(isAnsweredWith(SECRET, answer, 'GET'), true)
    assert.equal(readDigestAnswer(theirs, REALM), null)
    assert.equal(readDigestAnswer('Basic realm=x', REALM), null)
  })

  it('reads escaped quotes', () => {
    const answer = readDigestAnswer(authorization({ ...MUFASA, ...MD5, username: '"Mu\\"fa\\\\sa"' }), REALM)!
    assert.equal(answer.username, 'Mu"fa\\sa')
  })

  for (const [what, changes, why] of [
    ['without a username', { username: undefined }, /username is missing/],
    ['without a nonce', { nonce: undefined }, /nonce is missing/],
    ['without a uri', { uri: undefined }, /uri is missing/],
    ['without a response', { response: undefined }, /response is missing/],
    ['without a realm', { realm: undefined }, /realm is missing/],
    ['without qop', { qop: undefined }, /qop is missing/],
    ['without nc', { nc: undefined }, /nc is missing/],
    ['without cnonce', { cnonce: undefined }, /cnonce is missing/],
    ['with a bare username', { username: 'Mufasa' }, /username is not quoted/],
    ['with a bare response', { response: '8ca523f5e9506fed4657c9700eebdbec' }, /response is not quoted/],
    ['with another qop', { qop: 'auth-int' }, /qop is not auth/],
    ['with another algorithm', { algorithm: 'MD5-sess' }, /algorithm/],
    ['with a short nc', { nc: '1' }, /nc is not/],
    ['with an nc that is no number', { nc: '0000000g' }, /nc is not/],
    ['with a response that is no hex', { response: `"${'z'.repeat(32)}"` }, /response is not/],
    ['with a response of the other algorithm', { response: SHA_256.response }, /response is not/],
    ['with an open quote', { x: '"x' }, /quote is not closed/],
    ['with an empty value', { opaque: '' }, /./],
  ] as const) {
    it(`is refused ${what}`, () => {
      const text = authorization({ ...MUFASA, ...MD5, ...(changes as Record<string, string | undefined>) })
      assert.throws(() => readDigestAnswer(text, REALM), refused(why))
    })
  }

  it('is refused with a parameter twice, with nothing but a scheme, too long, or in too many credentials', () => {
    const text = authorization({ ...MUFASA, ...MD5 })
    assert.throws(() => readDigestAnswer(`${text}, nonce="other"`, REALM), refused(/nonce is given twice/))
    for (const nothing of ['Digest', 'Digest ', '=', 'Digest realm', ',,,'])
      assert.throws(() => readDigestAnswer(nothing, REALM), MalformedAuthorization, `'${nothing}'`)
    assert.throws(() => readDigestAnswer(`${text}, x="${'a'.repeat(8192)}"`, REALM), refused(/too long/))
    const theirs = authorization({ ...MUFASA, ...MD5, realm: '"x"' })
    assert.throws(() => readDigestAnswer(Array(9).fill('Digest realm="x"').join(', '), REALM), refused(/too many/))
    assert.equal(readDigestAnswer(Array(8).fill(theirs).join(', '), REALM), null)
  })
})

describe('a challenge', () => {
  it('says what RFC 7616 §3.3 wants, and stale only when it is', () => {
    const challenge = { realm: 'dce', nonce: 'n', opaque: 'o', algorithm: 'SHA-256', stale: false } as const
    assert.equal(buildChallenge(challenge), 'Digest realm="dce", nonce="n", opaque="o", algorithm=SHA-256, qop="auth"')
    assert.ok(buildChallenge({ ...challenge, stale: true }).endsWith(', stale=true'))
  })
})
