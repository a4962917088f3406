import assert from 'node:assert/strict'
import { Latch } from '../../../media/relay/latch.ts'

const PHONE = { address: '192.0.2.1', port: 4000, receives: true }

function target(latch: Latch): string {
  return latch.toPort === 0 ? 'nowhere' : `${latch.toAddress}:${latch.toPort}`
}

describe('Latch', () => {
  it('believes nobody before a description', () => {
    const latch = new Latch('symmetric')
    assert.equal(latch.accepts('192.0.2.1', 4000), false)
    assert.equal(target(latch), 'nowhere')
  })

  it('sends to the description’s address until somebody is heard, then to the source', () => {
    const latch = new Latch('symmetric')
    latch.expect(PHONE)
    assert.equal(target(latch), '192.0.2.1:4000')
    assert.ok(latch.accepts('203.0.113.9', 61_000))
    assert.equal(target(latch), '203.0.113.9:61000')
  })

  it('locks the source', () => {
    const latch = new Latch('symmetric')
    latch.expect(PHONE)
    assert.ok(latch.accepts('203.0.113.9', 61_000))
    assert.equal(latch.accepts('203.0.113.9', 61_001), false)
    assert.equal(latch.accepts('198.51.100.7', 61_000), false)
    assert.ok(latch.accepts('203.0.113.9', 61_000))
  })

  it('lets the described address take over from a stranger who was first, but nobody from the described address', () => {
    const latch = new Latch('symmetric')
    latch.expect(PHONE)
    assert.ok(latch.accepts('198.51.100.7', 9))
    assert.ok(latch.accepts('192.0.2.1', 4000))
    assert.equal(latch.accepts('198.51.100.7', 9), false)
    assert.equal(target(latch), '192.0.2.1:4000')
  })

  it('takes any port but no other address when strict', () => {
    const latch = new Latch('strict')
    latch.expect(PHONE)
    assert.equal(latch.accepts('198.51.100.7', 4000), false)
    assert.ok(latch.accepts('192.0.2.1', 4444))
    assert.equal(target(latch), '192.0.2.1:4444')
  })

  it('lets go when a new description moves the stream, and not when it repeats itself', () => {
    const latch = new Latch('symmetric')
    latch.expect(PHONE)
    assert.ok(latch.accepts('203.0.113.9', 61_000))
    latch.expect({ ...PHONE })
    assert.equal(target(latch), '203.0.113.9:61000')
    latch.expect({ ...PHONE, port: 5000 })
    assert.equal(target(latch), '192.0.2.1:5000')
    assert.ok(latch.accepts('203.0.113.9', 62_000))
  })

  it('sends nothing on hold by address, and keeps its source through it', () => {
    const latch = new Latch('symmetric')
    latch.expect(PHONE)
    assert.ok(latch.accepts('203.0.113.9', 61_000))
    latch.expect({ address: '0.0.0.0', port: 4000, receives: false })
    assert.equal(target(latch), 'nowhere')
    assert.equal(latch.accepts('198.51.100.7', 9), false)
    latch.expect(PHONE)
    assert.equal(target(latch), '203.0.113.9:61000')
  })

  it('waits to be spoken to by a party that named a host', () => {
    const latch = new Latch('symmetric')
    latch.expect({ address: null, port: 4000, receives: true })
    assert.equal(target(latch), 'nowhere')
    assert.ok(latch.accepts('203.0.113.9', 61_000))
    assert.equal(target(latch), '203.0.113.9:61000')
  })
})
