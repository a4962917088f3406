import type { RemoteInfo, Socket } from 'node:dgram'
import { Latch, type Latching } from './latch.ts'
import type { LegStats, RemoteParty } from './relay-messages.ts'
import type { SocketPair } from './relay-socket.ts'
import { isRtcp, isRtcpType, isRtp } from './rtp-packet.ts'
import { RtpStats } from './rtp-stats.ts'
import type { Watched } from './silence-wheel.ts'

/** Clock rates by payload type before any description: telephony's. */
const DEFAULT_CLOCK_RATE = 8000

/**
 * One side of a relayed call: a socket each for RTP and RTCP. What comes in here and is believed goes out through `peer`,
 * untouched. Nothing here allocates or logs per packet.
 */
export class RelayLeg implements Watched {
  readonly port: number
  lastHeardMs = 0
  slot = -1
  #peer: RelayLeg | null = null
  readonly #rtpSocket: Socket
  readonly #rtcpSocket: Socket
  readonly #rtpLatch: Latch
  readonly #rtcpLatch: Latch
  readonly #clockRates = new Int32Array(128).fill(DEFAULT_CLOCK_RATE)
  readonly #stats = new RtpStats()
  #rtcpMux = false
  #closed = false
  #invalid = 0
  #foreign = 0
  #unsent = 0

  constructor(pair: SocketPair, latching: Latching) {
    this.port = pair.port
    this.#rtpSocket = pair.rtp
    this.#rtcpSocket = pair.rtcp
    this.#rtpLatch = new Latch(latching)
    this.#rtcpLatch = new Latch(latching)
    this.#rtpSocket.on('message', (packet, from) => this.#receive(packet, from))
    this.#rtcpSocket.on('message', (packet, from) => this.#receiveRtcp(packet, from, this.#rtcpLatch))
    // A refused or oversized send must not end the thread: it is counted, and the next packet tries again.
    this.#rtpSocket.on('error', () => this.#unsent++)
    this.#rtcpSocket.on('error', () => this.#unsent++)
  }

  /** Where this leg's packets go out; null while there is nobody. */
  joinTo(peer: RelayLeg | null): void {
    this.#peer = peer
  }

  describe(remote: RemoteParty): void {
    this.#rtpLatch.expect(remote.rtp)
    this.#rtcpLatch.expect(remote.rtcp)
    this.#rtcpMux = remote.rtcpMux
    this.#clockRates.fill(DEFAULT_CLOCK_RATE)
    for (const [payload, hertz] of remote.clockRates) this.#clockRates[payload] = hertz
  }

  stats(): LegStats {
    const dropped = { invalid: this.#invalid, foreign: this.#foreign, unsent: this.#unsent }
    return { ...this.#stats.read(), dropped }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#peer = null
    this.#rtpSocket.close()
    this.#rtcpSocket.close()
  }

  #receive(packet: Buffer, from: RemoteInfo): void {
    if (this.#rtcpMux && packet.length > 1 && isRtcpType(packet[1]!))
      return this.#receiveRtcp(packet, from, this.#rtpLatch)
    if (!isRtp(packet)) {
      this.#invalid++
      return
    }
    if (!this.#rtpLatch.accepts(from.address, from.port)) {
      this.#foreign++
      return
    }
    const now = performance.now()
    this.lastHeardMs = now
    this.#stats.count(packet, now, this.#clockRates[packet[1]! & 0x7f]!)
    this.#peer?.sendRtp(packet)
  }

  #receiveRtcp(packet: Buffer, from: RemoteInfo, latch: Latch): void {
    if (!isRtcp(packet)) {
      this.#invalid++
      return
    }
    if (!latch.accepts(from.address, from.port)) {
      this.#foreign++
      return
    }
    // A caller whose phone sends nothing while silent (RFC 3389) is alive as long as it reports.
    this.lastHeardMs = performance.now()
    this.#peer?.sendRtcp(packet)
  }

  sendRtp(packet: Buffer): void {
    const latch = this.#rtpLatch
    if (latch.toPort !== 0 && !this.#closed) this.#rtpSocket.send(packet, latch.toPort, latch.toAddress)
  }

  sendRtcp(packet: Buffer): void {
    if (this.#rtcpMux) return this.sendRtp(packet)
    const latch = this.#rtcpLatch
    if (latch.toPort !== 0 && !this.#closed) this.#rtcpSocket.send(packet, latch.toPort, latch.toAddress)
  }
}
