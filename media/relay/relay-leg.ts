import type { RemoteInfo, Socket } from 'node:dgram'
import type { AudioFault } from '../../model/cdr.ts'
import { impairmentOf } from '../e-model.ts'
import { translate } from './both-laws.ts'
import { NO_TABLES, readTables, type CodecTables } from './codec-tables.ts'
import { Latch, PROOF_PACKETS, type Latching } from './latch.ts'
import { LegQuality } from './leg-quality.ts'
import { OneWayWatch, SOUNDS } from './one-way.ts'
import type { LegStats, RemoteParty } from './relay-messages.ts'
import type { SocketPair } from './relay-socket.ts'
import { NO_FORMATS } from './party-formats.ts'
import { ReportReader } from './rtcp.ts'
import { isRtcp, isRtcpType, isRtp } from './rtp-packet.ts'
import { RtpStats } from './rtp-stats.ts'
import type { LegGuard } from './leg-guard.ts'
import { secure } from './secure-leg.ts'
import { BrowserGuard, type GuardPort } from './browser-guard.ts'
import type { DtlsThread } from './dtls.ts'
import type { Watched } from './silence-wheel.ts'
import type { PartyFormats } from './tool-messages.ts'

/**
 * Packets of one party in a second: the shortest ones that Opus has (2.5 ms) and a few. More are dropped: nobody floods others through
 * us, and two parties who describe our own ports to us have their packets go round no faster.
 */
export const PACKETS_PER_SECOND_LIMIT = 500

/** What the audio tools do with a leg's packets; a leg without them passes everything on untouched. */
export interface AudioTap {
  /** A packet of this leg's party. True: it is not passed on. */
  received(packet: Buffer, nowMs: number): boolean
  /** What this leg's party is sent for a packet of the other one; null: nothing. */
  sending(packet: Buffer, nowMs: number): Buffer | null
}

/** A packet of a key press (RFC 4733), as it came. */
export interface HeardEvent {
  readonly packet: Buffer
  readonly atMs: number
}

/** Who is believed, and where packets go: port 0 is nowhere. */
interface Path {
  readonly toAddress: string
  readonly toPort: number
  accepts(address: string, port: number): boolean
}

/**
 * One side of a relayed call: a socket each for RTP and RTCP. What comes in here and is believed goes out through `peer`,
 * untouched, unless the other party has only the other law of G.711. Nothing here allocates or logs per packet.
 */
export class RelayLeg implements Watched {
  readonly pair: SocketPair
  lastHeardMs = 0
  slot = -1
  tap: AudioTap | null = null
  formats: PartyFormats = NO_FORMATS
  /** The last packet of a key press, which somebody may ask for who listens from then on. */
  lastEvent: HeardEvent | null = null
  #peer: RelayLeg | null = null
  readonly #rtpSocket: Socket
  readonly #rtcpSocket: Socket
  readonly #rtpLatch: Latch
  readonly #rtcpLatch: Latch
  #codecs: CodecTables = NO_TABLES
  /** What it spoke with last. */
  #payload = 0
  readonly #stats = new RtpStats()
  readonly #reports = new ReportReader()
  readonly #quality = new LegQuality(performance.now())
  readonly #audible = new OneWayWatch()
  /** Null: plain RTP. */
  #guard: LegGuard | null = null
  /** The guard, if a browser is behind it. */
  #browser: BrowserGuard | null = null
  /** Where RTP comes from and goes to: the latch, or what ICE has found. */
  #path: Path
  readonly #guardPort: GuardPort
  #rtcpMux = false
  #closed = false
  #invalid = 0
  #foreign = 0
  #unauthentic = 0
  #unsent = 0
  #secondSinceMs = 0
  #inSecond = 0

  /** Told once, when this side's audio cannot be secured as agreed. */
  onInsecure: (reason: string) => void = () => {}

  constructor(pair: SocketPair, latching: Latching, dtls: DtlsThread) {
    this.pair = pair
    this.#rtpSocket = pair.rtp
    this.#rtcpSocket = pair.rtcp
    this.#rtpLatch = new Latch(latching)
    this.#rtcpLatch = new Latch(latching)
    this.#path = this.#rtpLatch
    this.#guardPort = {
      send: (packet, port, address) => {
        if (!this.#closed) this.#rtpSocket.send(packet, port, address)
      },
      heard: () => (this.lastHeardMs = performance.now()),
      failed: (reason) => this.onInsecure(reason),
      dtls,
    }
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
    const guard = secure(remote.security, this.#guard, this.#guardPort)
    this.#guard = guard
    this.#browser = guard instanceof BrowserGuard ? guard : null
    this.#path = this.#browser?.path ?? this.#rtpLatch
    this.#codecs = readTables(remote.codecs)
    this.formats = this.#codecs.formats
  }

  stats(): LegStats {
    const dropped = {
      invalid: this.#invalid,
      foreign: this.#foreign,
      unauthentic: this.#unauthentic,
      unsent: this.#unsent,
    }
    if (!this.#closed) this.#score(performance.now())
    const figures = this.#stats.read()
    const { packetsReceived, packetsLost, octetsReceived, jitterMs } = figures
    const quality = this.#quality.read(figures, this.#reports, this.#audible)
    return { packetsReceived, packetsLost, octetsReceived, jitterMs, quality, dropped }
  }

  /** Whether this side ought to be heard from now on: it is looked at then (`judge`). */
  watch(on: boolean): void {
    if (on) this.#browser?.expect()
    if (on) this.#audible.begin(performance.now())
    else this.#audible.pause()
  }

  /** A look now and then: scores what came, and returns what is wrong with this side’s audio if it was just found. */
  judge(nowMs: number, faultAfterMs: number): AudioFault | null {
    if (this.#quality.isDue(nowMs)) this.#score(nowMs)
    return faultAfterMs === 0 || this.#peer === null
      ? null
      : this.#audible.judge(nowMs, this.#peer.#audible, faultAfterMs)
  }

  #score(nowMs: number): void {
    const onward = this.#peer === null ? null : this.#peer.#reports.roundTripMs
    const networkMs = ((this.#reports.roundTripMs ?? 0) + (onward ?? 0)) / 2
    const impairment = this.#codecs.impairments.get(this.#payload) ?? impairmentOf('PCMU')
    this.#quality.score(this.#stats, networkMs, impairment, nowMs)
  }

  get port(): number {
    return this.pair.port
  }

  /** It neither hears nor sends from now on; its sockets are whoever's who opened them. */
  close(): void {
    this.#closed = true
    this.#browser?.close()
    this.#peer = null
    for (const socket of [this.#rtpSocket, this.#rtcpSocket]) socket.removeAllListeners('message')
  }

  #receive(received: Buffer, from: RemoteInfo): void {
    if (this.#browser !== null && this.#browser.takes(received, from)) return
    if (this.#rtcpMux && received.length > 1 && isRtcpType(received[1]!))
      return this.#receiveRtcp(received, from, this.#path)
    // Before the source is looked at: nobody without the key is believed, wherever it is.
    const packet = this.#guard === null ? received : this.#guard.unprotect(received)
    if (packet === null) {
      this.#unauthentic++
      return
    }
    if (!isRtp(packet)) {
      this.#invalid++
      return
    }
    const now = performance.now()
    const { address, port } = from
    // Where a browser is, ICE says alone.
    if (!this.#path.accepts(address, port) && (this.#browser !== null || !this.#isProven(packet, from, now))) {
      this.#foreign++
      return
    }
    if (this.#isTooMany(now)) return void this.#unsent++
    this.lastHeardMs = now
    const payload = packet[1]! & 0x7f
    this.#stats.count(packet, now, this.#codecs.clockRates[payload]!)
    const sound = this.#codecs.sounds[payload]!
    if (sound <= SOUNDS.pcma) this.#payload = payload // Neither key presses nor comfort noise.
    this.#audible.see(packet, now, sound)
    if (sound === SOUNDS.event) this.lastEvent = { packet: Buffer.from(packet), atMs: now }
    if (this.tap !== null && this.tap.received(packet, now)) return
    if (sound === SOUNDS.event && this.formats.kept.includes(payload)) return
    if (payload === this.#codecs.translatedPayload) translate(packet, this.#codecs.translated!)
    this.#peer?.pass(packet, now)
  }

  #isTooMany(nowMs: number): boolean {
    if (nowMs - this.#secondSinceMs >= 1000) {
      this.#secondSinceMs = nowMs
      this.#inSecond = 0
    }
    return ++this.#inSecond > PACKETS_PER_SECOND_LIMIT
  }

  /** A packet of the other party's, for this leg's. */
  pass(packet: Buffer, nowMs: number): void {
    const passed = this.tap === null ? packet : this.tap.sending(packet, nowMs)
    if (passed !== null) this.sendRtp(passed)
  }

  /** What it took to prove a source was the party's after all, and no stranger's. */
  #isProven(packet: Buffer, { address, port }: RemoteInfo, nowMs: number): boolean {
    const proof = this.#guard === null ? PROOF_PACKETS : 1 // Whoever has the key is the party.
    if (!this.#rtpLatch.proves({ address, port, packet, nowMs, proof }, this.#stats, this.lastHeardMs)) return false
    this.#foreign -= proof - 1
    return true
  }

  #receiveRtcp(received: Buffer, from: RemoteInfo, latch: Path): void {
    const packet = this.#guard === null ? received : this.#guard.unprotectRtcp(received)
    if (packet === null) {
      this.#unauthentic++
      return
    }
    if (!isRtcp(packet)) {
      this.#invalid++
      return
    }
    const { address, port } = from
    // On the port of the RTP it proves nothing; on its own it is believed from where the RTP is.
    const isOwnPort = latch === this.#rtcpLatch
    if (!latch.accepts(address, port) && !(isOwnPort && this.#rtcpLatch.follows(this.#rtpLatch, address, port))) {
      this.#foreign++
      return
    }
    // A caller whose phone sends nothing while silent (RFC 3389) is alive as long as it reports.
    const now = performance.now()
    if (this.#isTooMany(now)) return void this.#unsent++
    this.lastHeardMs = now
    this.#reports.heard(packet, now)
    this.#peer?.sendRtcp(packet)
  }

  sendRtp(packet: Buffer): void {
    this.#sendTo(this.#path, this.#rtpSocket, this.#guard === null ? packet : this.#guard.protect(packet))
  }

  sendRtcp(packet: Buffer): void {
    this.#reports.sent(packet, performance.now())
    const sent = this.#guard === null ? packet : this.#guard.protectRtcp(packet)
    if (this.#rtcpMux) this.#sendTo(this.#path, this.#rtpSocket, sent)
    else this.#sendTo(this.#rtcpLatch, this.#rtcpSocket, sent)
  }

  #sendTo(latch: Path, socket: Socket, packet: Buffer | null): void {
    if (packet === null) this.#unsent++
    else if (latch.toPort !== 0 && !this.#closed) socket.send(packet, latch.toPort, latch.toAddress)
  }
}
