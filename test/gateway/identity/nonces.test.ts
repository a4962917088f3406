import assert from 'node:assert/strict'
import { Nonces } from '../../../gateway/identity/nonces.ts'

describe('nonces', () => {
  let nowMs = 0
  const nonces = (maxRemembered = 100): Nonces =>
    new Nonces({ realm: 'dce', lifetimeMs: 1000, maxRemembered, now: () => nowMs })
  beforeEach(() => (nowMs = 1_800_000_000_000))

  it('are good once for each growing count', () => {
    const issuer = nonces()
    const nonce = issuer.issue()
    assert.deepEqual(
      [1, 2, 2, 1, 5, 4, 6].map((count) => issuer.take(nonce, count)),
      ['fresh', 'fresh', 'stale', 'stale', 'fresh', 'stale', 'fresh'],
    )
    assert.equal(issuer.take(issuer.issue(), 0), 'stale', 'counts begin at 1')
  })

  it('are stale when they are old, from the future, another process’s, or touched', () => {
    const issuer = nonces()
    const nonce = issuer.issue()
    const other = nonces().issue()
    const touched = (nonce.startsWith('A') ? 'B' : 'A') + nonce.slice(1)
    for (const text of [other, touched, nonce.slice(1), `${nonce}A`, '', 'x'.repeat(43)])
      assert.equal(issuer.take(text, 1), 'stale', text)
    nowMs -= 1
    assert.equal(issuer.take(nonce, 1), 'stale')
    nowMs += 1001
    assert.equal(issuer.take(nonce, 1), 'fresh')
    nowMs += 1
    assert.equal(issuer.take(nonce, 2), 'stale')
  })

  it('never repeat', () => {
    const issuer = nonces()
    assert.equal(new Set(Array.from({ length: 1000 }, () => issuer.issue())).size, 1000)
  })

  it('are remembered up to the limit, and a forgotten one is no new one', () => {
    const issuer = nonces(3)
    const used = [0, 1, 2, 3, 4].map(() => {
      nowMs += 1
      const nonce = issuer.issue()
      assert.equal(issuer.take(nonce, 1), 'fresh')
      return nonce
    })
    assert.equal(issuer.remembered, 3)
    assert.deepEqual(
      used.map((nonce) => issuer.take(nonce, 1)),
      Array(5).fill('stale'),
      'no replay, remembered or not',
    )
    assert.deepEqual(
      used.map((nonce) => issuer.take(nonce, 2)),
      ['stale', 'stale', 'fresh', 'fresh', 'fresh'],
    )
  })

  it('are forgotten once they have expired', () => {
    const issuer = nonces()
    for (let i = 0; i < 50; i++) issuer.take(issuer.issue(), 1)
    nowMs += 1001
    assert.equal(issuer.take(issuer.issue(), 1), 'fresh')
    assert.equal(issuer.remembered, 1)
  })
})
