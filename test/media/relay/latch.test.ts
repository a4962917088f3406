import assert from 'node:assert/strict'
import {
  CANDIDATES_LIMIT,
  Latch,
  MOVE_SILENCE_MS,
  PROOF_PACKETS,
  type KnownStream,
  type Latching,
} from '../../../media/relay/latch.ts'
import { rtp } from './rtp-party.ts'

const PHONE = { address: '192.0.2.1', port: 4000, receives: true }
/** The public side of a phone's NAT, and two people who have no business here. */
const NAT = ['203.0.113.9', 61_000] as const
const STRANGER = ['198.51.100.7', 9000] as const
const OTHER_STRANGER = ['198.51.100.8', 9000] as const

type Source = readonly [address: string, port: number]

function target(latch: Latch): string {
  return latch.toPort === 0 ? 'nowhere' : `${latch.toAddress}:${latch.toPort}`
}

/** A latch with what its leg keeps for it: what stream is believed, and when it was last heard. */
class Listener {
  readonly latch: Latch
  known: KnownStream = { ssrc: -1, sequence: 0 }
  heardMs = 0
  nowMs = 1000

  constructor(latching: Latching = 'symmetric', expected: typeof PHONE | null = PHONE) {
    this.latch = new Latch(latching)
    if (expected !== null) this.latch.expect(expected)
  }

  /** Whether a packet from there is passed on. */
  hears([address, port]: Source, sequence: number, ssrc: number): boolean {
    this.nowMs += 20
    const packet = rtp({ sequence, ssrc })
    const { known, heardMs, latch } = this
    const isBelieved =
      latch.accepts(address, port) ||
      latch.proves({ address, port, packet, nowMs: this.nowMs, proof: PROOF_PACKETS }, known, heardMs)
    if (!isBelieved) return false
    this.known = { ssrc, sequence }
    this.heardMs = this.nowMs
    return true
  }

  /** How many of so many packets in a row are passed on. */
  hearsOf(source: Source, packets: number, { ssrc = 1, from = 1 } = {}): number {
    let heard = 0
    for (let i = 0; i < packets; i++) if (this.hears(source, from + i, ssrc)) heard++
    return heard
  }
}

describe('Latch', () => {
  it('believes nobody before a description', () => {
    const listener = new Listener('symmetric', null)
    assert.equal(listener.hearsOf(['192.0.2.1', 4000], 10), 0)
    assert.equal(target(listener.latch), 'nowhere')
  })

  it('believes the described address with its first packet, and another after three packets in a row', () => {
    const listener = new Listener()
    assert.equal(target(listener.latch), '192.0.2.1:4000')
    assert.equal(listener.hearsOf(['192.0.2.1', 4000], 1), 1)
    const behindNat = new Listener()
    assert.equal(behindNat.hearsOf(NAT, 10), 10 - (PROOF_PACKETS - 1))
    assert.equal(target(behindNat.latch), '203.0.113.9:61000')
  })

  it('gives a port scan nothing, however often it comes by', () => {
    const listener = new Listener()
    for (let i = 0; i < 20; i++) {
      assert.equal(listener.hears(STRANGER, 1, 7), false, 'the same packet to every port')
      assert.equal(listener.hears(STRANGER, i * 16_384, 7), false, 'the next packet of a sweep over the ports')
      assert.equal(listener.hears(STRANGER, 1, i), false, 'a new stream each time')
    }
    assert.equal(target(listener.latch), '192.0.2.1:4000')
    assert.equal(listener.hearsOf(NAT, 3), 1)
  })

  it('turns away a stranger who comes later, whatever SSRC and number it has guessed', () => {
    for (const source of [['192.0.2.1', 4000], NAT] as const) {
      const listener = new Listener()
      listener.hearsOf(source, 10, { ssrc: 5 })
      for (let i = 0; i < 200; i++) {
        assert.equal(listener.hears(STRANGER, 11 + i, 5), false)
        assert.ok(listener.hears(source, 11 + i, 5))
      }
      assert.equal(target(listener.latch), `${source[0]}:${source[1]}`)
    }
  })

  it('takes the phone when a stranger was first: at once from the described port, after a proof from the described address', () => {
    for (const [source, unheard] of [
      [['192.0.2.1', 4000], 0],
      [['192.0.2.1', 4444], PROOF_PACKETS - 1],
    ] as const) {
      const listener = new Listener()
      assert.equal(listener.hearsOf(STRANGER, 5), 3)
      assert.equal(listener.hearsOf(source, 10, { ssrc: 2 }), 10 - unheard)
      assert.equal(listener.hearsOf(STRANGER, 10, { from: 6 }), 0)
      assert.equal(target(listener.latch), `${source[0]}:${source[1]}`)
    }
  })

  it('lets a stranger who was first keep it from no better a source: two of a kind cannot be told apart', () => {
    const listener = new Listener()
    listener.hearsOf(STRANGER, 5)
    assert.equal(listener.hearsOf(NAT, 50, { ssrc: 2 }), 0)
  })

  it('lets go when a new description moves the stream, and not when it repeats itself', () => {
    const listener = new Listener()
    const { latch } = listener
    listener.hearsOf(NAT, 3)
    latch.expect({ ...PHONE })
    assert.equal(target(latch), '203.0.113.9:61000')
    assert.equal(listener.hearsOf(STRANGER, 10, { ssrc: 2 }), 0)
    latch.expect({ ...PHONE, port: 5000 })
    assert.equal(target(latch), '192.0.2.1:5000')
    assert.equal(listener.hearsOf([NAT[0], 62_000], 3, { ssrc: 3 }), 1)
  })

  it('follows its own stream to another place after a silence, from exact sources too, and no other stream', () => {
    for (const source of [['192.0.2.1', 4000], NAT] as const) {
      const listener = new Listener()
      listener.hearsOf(source, 10, { ssrc: 5, from: 65_530 })
      const moved = ['203.0.113.77', 1234] as const
      assert.equal(listener.hearsOf(moved, 10, { ssrc: 5, from: 65_540 }), 0, 'not while it is heard')
      listener.nowMs += MOVE_SILENCE_MS
      assert.equal(listener.hearsOf(STRANGER, 10, { ssrc: 6, from: 65_550 }), 0, 'another SSRC')
      assert.equal(listener.hearsOf(STRANGER, 10, { ssrc: 5, from: 20_000 }), 0, 'a number far off')
      assert.equal(listener.hearsOf(STRANGER, 10, { ssrc: 5, from: 65_500 }), 0, 'numbers that have been')
      assert.equal(listener.hearsOf(moved, 3, { ssrc: 5, from: 65_560 }), 1)
      assert.equal(target(listener.latch), '203.0.113.77:1234')
      assert.equal(listener.hearsOf(OTHER_STRANGER, 10, { ssrc: 5, from: 65_563 }), 0)
    }
  })

  it('takes any port but no other address when strict, not by a proof and not after a silence', () => {
    const listener = new Listener('strict')
    assert.equal(listener.hearsOf(STRANGER, 50), 0)
    assert.equal(listener.hearsOf(['192.0.2.1', 4444], 4), 2)
    assert.equal(target(listener.latch), '192.0.2.1:4444')
    listener.nowMs += MOVE_SILENCE_MS
    assert.equal(listener.hearsOf(STRANGER, 50, { from: 5 }), 0)
    assert.equal(listener.hearsOf(['192.0.2.1', 5555], 3, { from: 5 }), 1)
  })

  it('keeps a few sources on probation, so that noise among them stops no phone', () => {
    const listener = new Listener()
    let sequence = 0
    const noise = (): void => {
      for (let i = 0; i < CANDIDATES_LIMIT - 1; i++) listener.hears([`198.51.100.${i}`, 1], sequence * 7, sequence)
    }
    const heard: boolean[] = []
    for (let i = 0; i < PROOF_PACKETS; i++) {
      noise()
      heard.push(listener.hears(NAT, ++sequence, 1))
    }
    assert.deepEqual(heard, [false, false, true])
  })

  it('forgets the source heard least lately when more than that contend', () => {
    const listener = new Listener()
    for (let i = 0; i < 2; i++) assert.equal(listener.hears(NAT, 1 + i, 1), false)
    for (let i = 0; i < CANDIDATES_LIMIT; i++) listener.hears([`198.51.100.${i}`, 1], 1, 1)
    assert.equal(listener.hears(NAT, 3, 1), false)
    assert.equal(listener.hearsOf(NAT, 2, { from: 4 }), 1)
  })

  it('sends nothing on hold by address, and keeps its source through it', () => {
    const listener = new Listener()
    const { latch } = listener
    listener.hearsOf(NAT, 3)
    latch.expect({ address: '0.0.0.0', port: 4000, receives: false })
    assert.equal(target(latch), 'nowhere')
    assert.equal(listener.hearsOf(STRANGER, 5, { ssrc: 2 }), 0)
    latch.expect(PHONE)
    assert.equal(target(latch), '203.0.113.9:61000')
  })

  it('waits to be spoken to by a party that named a host', () => {
    const latch = new Latch('symmetric')
    latch.expect({ address: null, port: 4000, receives: true })
    assert.equal(target(latch), 'nowhere')
    const [address, port] = NAT
    const proofs = [1, 2, 3].map((sequence) =>
      latch.proves({ address, port, packet: rtp({ sequence }), nowMs: 0, proof: 3 }, { ssrc: -1, sequence: 0 }, 0),
    )
    assert.deepEqual(proofs, [false, false, true])
    assert.equal(target(latch), '203.0.113.9:61000')
  })

  it('believes RTCP on its own port from where the RTP is, one source of it, and moves with it', () => {
    const rtpSide = new Listener()
    const rtcp = new Latch('symmetric')
    rtcp.expect({ ...PHONE, port: 4001 })
    assert.equal(rtcp.follows(rtpSide.latch, NAT[0], 61_001), false, 'nobody is believed yet')
    rtpSide.hearsOf(NAT, 3)
    assert.equal(rtcp.follows(rtpSide.latch, ...STRANGER), false)
    assert.ok(rtcp.follows(rtpSide.latch, NAT[0], 61_001))
    assert.equal(target(rtcp), '203.0.113.9:61001')
    assert.equal(rtcp.follows(rtpSide.latch, NAT[0], 61_999), false)
    rtpSide.latch.expect({ ...PHONE, port: 5000 })
    rtpSide.hearsOf(['203.0.113.50', 5], 3, { ssrc: 9 })
    assert.ok(rtcp.follows(rtpSide.latch, '203.0.113.50', 6))
    assert.equal(target(rtcp), '203.0.113.50:6')
  })
})
