import { OneWayWatch, soundOf } from '../../media/relay/one-way.ts'
import { RtpStats } from '../../media/relay/rtp-stats.ts'
import { rtp } from '../media/relay/rtp-party.ts'
import type { BenchResult } from './bench-result.ts'

const PACKETS = 1_000_000
const ROUNDS = 5
const PCMU = soundOf('PCMU')

/** What knowing a packet's stream costs, without sockets: the count by RFC 3550, and beside it the watch for one-way audio. */
export function measurePacketKnowledge(): BenchResult[] {
  const speech = stream(0x33)
  const silence = stream(0xff)
  const count = fastest(() => {
    const stats = new RtpStats()
    return (i) => stats.count(speech[i & 0xffff]!, i * 20, 8000)
  })
  const watched = (packets: readonly Buffer[]): number =>
    fastest(() => {
      const stats = new RtpStats()
      const watch = new OneWayWatch()
      return (i) => {
        stats.count(packets[i & 0xffff]!, i * 20, 8000)
        watch.see(packets[i & 0xffff]!, i * 20, PCMU)
      }
    })
  const [spoken, silent] = [watched(speech), watched(silence)]
  const detail = `fastest of ${ROUNDS} times ${PACKETS} packets of G.711, no sockets`
  return [
    { name: 'media.packet.count', value: count, unit: 'ns', detail: `loss, order, duplicates, jitter; ${detail}` },
    {
      name: 'media.packet.watch',
      value: spoken - count,
      unit: 'ns',
      detail: `more, for one-way audio: ${(spoken / count).toFixed(2)} times the count alone`,
    },
    {
      name: 'media.packet.watch.silence',
      value: silent - count,
      unit: 'ns',
      detail: `more, while nothing but digital silence has come: every byte is looked at; ${(silent / count).toFixed(2)} times the count alone`,
    },
  ]
}

/** A whole cycle of sequence numbers. */
function stream(mark: number): Buffer[] {
  return Array.from({ length: 0x1_0000 }, (_, sequence) => rtp({ sequence, mark }))
}

/** Nanoseconds a packet, of the fastest round: what the code costs rather than what else the machine did. */
function fastest(begin: () => (i: number) => void): number {
  let best = Infinity
  for (let round = 0; round < ROUNDS; round++) {
    const see = begin()
    const startMs = performance.now()
    for (let i = 0; i < PACKETS; i++) see(i)
    best = Math.min(best, ((performance.now() - startMs) * 1e6) / PACKETS)
  }
  return best
}
