import { createCipheriv, createHmac, randomBytes } from 'node:crypto'
import { RtpHeader, SrtpSession } from 'werift'
import { Srtp } from '../../media/relay/srtp.ts'
import { rtp } from '../media/relay/rtp-party.ts'
import type { BenchResult } from './bench-result.ts'

const PACKETS = 30_000
const ROUNDS = 5
const SUITE = 'AES_CM_128_HMAC_SHA1_80'

/** What securing one packet of 20 ms costs, without sockets: ours, and other ways of doing the same in Node. */
export function measureSrtp(): BenchResult[] {
  const [a, b] = [randomBytes(30), randomBytes(30)]
  const protect = fastest(() => {
    const srtp = new Srtp({ suite: SUITE, send: a, receive: b })
    return (packet) => srtp.protect(packet)
  })
  const securedPackets = (): Buffer[] => {
    const sender = new Srtp({ suite: SUITE, send: a, receive: b })
    return plainPackets().map((packet) => sender.protect(packet)!)
  }
  const unprotect = fastest(() => {
    const srtp = new Srtp({ suite: SUITE, send: b, receive: a })
    return (packet) => srtp.unprotect(packet)
  }, securedPackets)
  const plainly = fastest(() => {
    const [key, authKey, iv] = [a.subarray(0, 16), a.subarray(0, 20), Buffer.alloc(16)]
    return (packet) => {
      packet.copy(iv, 4, 8, 12)
      const body = createCipheriv('aes-128-ctr', key, iv).update(packet.subarray(12))
      const tag = createHmac('sha1', authKey).update(packet.subarray(0, 12)).update(body).digest().subarray(0, 10)
      return Buffer.concat([packet.subarray(0, 12), body, tag])
    }
  })
  const gcm = fastest(() => {
    const key = a.subarray(0, 16)
    const iv = Buffer.alloc(12)
    return (packet) => {
      packet.copy(iv, 2, 2, 12)
      const cipher = createCipheriv('aes-128-gcm', key, iv)
      cipher.setAAD(packet.subarray(0, 12))
      const body = cipher.update(packet.subarray(12))
      cipher.final()
      return Buffer.concat([packet.subarray(0, 12), body, cipher.getAuthTag()])
    }
  })
  const werift = fastest(() => {
    const keys = {
      localMasterKey: a.subarray(0, 16),
      localMasterSalt: a.subarray(16),
      remoteMasterKey: b.subarray(0, 16),
      remoteMasterSalt: b.subarray(16),
    }
    const session = new SrtpSession({ keys, profile: 1 })
    return (packet) => session.encrypt(packet.subarray(12), RtpHeader.deSerialize(packet))
  })
  const detail = `${SUITE}, 20 ms of G.711, no sockets; fastest of ${ROUNDS} times ${PACKETS} packets`
  const times = (value: number): string => `${(value / protect).toFixed(1)} times ours`
  return [
    { name: 'media.srtp.protect', value: protect, unit: 'ns', detail },
    { name: 'media.srtp.unprotect', value: unprotect, unit: 'ns', detail },
    {
      name: 'media.srtp.protect.objects',
      value: plainly,
      unit: 'ns',
      detail: `a cipher and an HMAC of node:crypto for each packet: ${times(plainly)}`,
    },
    {
      name: 'media.srtp.protect.gcm',
      value: gcm,
      unit: 'ns',
      detail: `AES-128-GCM (RFC 7714) by node:crypto, a cipher for each packet: ${times(gcm)}`,
    },
    { name: 'media.srtp.protect.werift', value: werift, unit: 'ns', detail: `werift's SrtpSession: ${times(werift)}` },
  ]
}

/** Nanoseconds a packet, of the fastest round: what the code costs rather than what else the machine did. */
function fastest(begin: () => (packet: Buffer) => unknown, packetsOf = plainPackets): number {
  let best = Infinity
  for (let round = 0; round < ROUNDS; round++) {
    const work = begin()
    const packets = packetsOf() // Anew for each round: some are decrypted in place.
    const startMs = performance.now()
    for (const packet of packets) work(packet)
    best = Math.min(best, ((performance.now() - startMs) * 1e6) / PACKETS)
  }
  return best
}

function plainPackets(): Buffer[] {
  return Array.from({ length: PACKETS }, (_, sequence) => rtp({ sequence, mark: 0x33 }))
}
