import { setTimeout as sleep } from 'node:timers/promises'
import { encode, TO_LINEAR } from '../../../media/relay/g711.ts'
import { tonesIn } from '../../support/tones.ts'
import { rtp, type RtpParty } from '../relay/rtp-party.ts'

const SAMPLES_PER_PACKET = 160
const PACKET_MS = 20
const RATE = 8000
/** How much of a tone a test sends, in packets: 200 ms, of which jitter buffers and transcoders may swallow some. */
export const TONE_PACKETS = 10
/** How long the tone must be there to count as heard, ms. */
const HEARD_MS = 100
/** What is still on its way when all has been sent. */
const SETTLE_MS = 60
const PCMA = 8
const TELEPHONE_EVENT = 101

/** Each phone counts its packets. */
const sequences = new WeakMap<RtpParty, number>()

function nextSequence(party: RtpParty): number {
  const sequence = (sequences.get(party) ?? 1000) + 1
  sequences.set(party, sequence)
  return sequence
}

/** Sends a tone from one phone's socket to where a description said, in G.711. */
async function sendTone(from: RtpParty, port: number, hertz: number, payload: 0 | 8): Promise<void> {
  const law = payload === PCMA ? 'a' : 'u'
  for (let n = 0; n < TONE_PACKETS; n++) {
    const sequence = nextSequence(from)
    const packet = rtp({ sequence, payload, ssrc: from.port })
    for (let i = 0; i < SAMPLES_PER_PACKET; i++) {
      const sample = 10_000 * Math.sin((2 * Math.PI * hertz * (n * SAMPLES_PER_PACKET + i)) / RATE)
      packet[12 + i] = encode(law, Math.round(sample))
    }
    from.send(packet, port)
    await sleep(PACKET_MS)
  }
  await sleep(SETTLE_MS)
}

/** The tones, hertz, that each of these phones hears while `from` sends one to `port`: found by a Goertzel filter in what came. */
export async function toneHeard(
  from: RtpParty,
  port: number,
  hertz: number,
  at: readonly RtpParty[],
  payload: 0 | 8 = 0,
): Promise<number[][]> {
  const before = at.map(({ heard }) => heard.length)
  await sendTone(from, port, hertz, payload)
  return at.map(({ heard }, i) => tonesOf(heard.slice(before[i]).map(({ packet }) => packet)))
}

/** The tones, hertz, in packets of G.711. */
export function tonesOf(packets: readonly Buffer[]): number[] {
  const samples: number[] = []
  for (const packet of packets) {
    const payload = packet[1]! & 0x7f
    if (payload !== 0 && payload !== PCMA) continue
    for (const code of packet.subarray(12)) samples.push(TO_LINEAR[payload === PCMA ? 'a' : 'u'][code]!)
  }
  const tones = tonesIn({ rate: RATE, samples: Int16Array.from(samples) })
  return [...tones].filter(([, ms]) => ms >= HEARD_MS).map(([hertz]) => hertz)
}

/** Dials a digit to `port` as RFC 4733 has it, and tells which digits `to` hears begin. */
export async function digitHeard(from: RtpParty, port: number, event: number, to: RtpParty): Promise<number[]> {
  const before = to.heard.length
  const timestamp = nextSequence(from) * SAMPLES_PER_PACKET
  for (let n = 1; n <= 8; n++) {
    const packet = rtp({ sequence: nextSequence(from), timestamp, payload: TELEPHONE_EVENT, ssrc: from.port, size: 16 })
    if (n === 1) packet[1]! |= 0x80
    packet[12] = event
    packet[13] = n > 5 ? 0x8a : 0x0a // The end, said three times (§2.5.1.4).
    packet.writeUInt16BE(n * SAMPLES_PER_PACKET, 14)
    from.send(packet, port)
    await sleep(PACKET_MS)
  }
  await sleep(SETTLE_MS)
  const events = to.heard.slice(before).filter(({ packet }) => (packet[1]! & 0x7f) === TELEPHONE_EVENT)
  return [...new Set(events.map(({ packet }) => packet[12]!))]
}
