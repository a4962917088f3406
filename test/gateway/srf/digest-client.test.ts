import assert from 'node:assert/strict'
import { answerChallenge } from '../../../gateway/srf/digest-client.ts'

const request = { method: 'REGISTER', uri: 'sip:carrier.example', body: '' }
const user = { username: 'dce', password: 'secret' }

describe('answering digest challenges', () => {
  // The example of RFC 7616 §3.9.1, one answer for each hash.
  const mufasa = { username: 'Mufasa', password: 'Circle of Life' }
  const page = { method: 'GET', uri: '/dir/index.html', body: '' }
  const nonce = '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v'
  const opaque = 'FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS'
  const challengeOf = (algorithm: string): string =>
    `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=${algorithm}, nonce="${nonce}", opaque="${opaque}"`
  const cnonce = 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ'

  for (const [algorithm, response] of [
    ['MD5', '8ca523f5e9506fed4657c9700eebdbec'],
    ['SHA-256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'],
  ] as const)
    it(`computes what RFC 7616 §3.9.1 computes (${algorithm})`, () => {
      const answer = answerChallenge(challengeOf(algorithm), page, mufasa, cnonce)!
      assert.match(answer, new RegExp(`response="${response}"`))
      assert.match(answer, new RegExp(`algorithm=${algorithm}, qop=auth, nc=00000001, cnonce="${cnonce}"`))
      assert.ok(answer.includes(`opaque="${opaque}"`))
    })

  it('takes the strongest of several challenges, whatever their order', () => {
    const both = `Digest realm="a", nonce="1", algorithm=MD5, qop="auth",Digest realm="a", nonce="2", algorithm=SHA-256, qop="auth"`
    assert.match(answerChallenge(both, request, user)!, /nonce="2".*algorithm=SHA-256/)
    assert.match(answerChallenge(`Basic realm="x", ${both}`, request, user)!, /nonce="2"/)
    const unknown = `Digest realm="a", nonce="1", algorithm=SHA-3, qop="auth", Digest realm="a", nonce="2"`
    assert.match(answerChallenge(unknown, request, user)!, /nonce="2"/)
  })

  it('answers without qop where none is offered, and digests the body where nothing else is', () => {
    const plain = answerChallenge('Digest realm="a", nonce="1"', request, user)!
    assert.doesNotMatch(plain, /qop|nc=|cnonce|algorithm/)
    const whole = 'Digest realm="a", nonce="1", qop="auth-int"'
    const one = answerChallenge(whole, { ...request, body: 'x' }, user, 'c')!
    assert.match(one, /qop=auth-int/)
    assert.notEqual(one, answerChallenge(whole, { ...request, body: 'y' }, user, 'c'))
  })

  it('escapes what a quoted string may not hold', () => {
    const answer = answerChallenge('Digest realm="a\\"b", nonce="1"', request, { ...user, username: 'd\\e' })!
    assert.match(answer, /username="d\\\\e", realm="a\\"b"/)
  })

  for (const header of [
    '',
    'Basic realm="x"',
    'Digest realm="a"',
    'Digest realm="a", nonce="1',
    'Digest realm="a", nonce="1", qop="token"',
  ])
    it(`has no answer to "${header}"`, () => assert.equal(answerChallenge(header, request, user), null))
})
