import { systemRandom } from '../../model/random.ts'
import type { MediaStats } from '../../model/cdr.ts'
import { UnacceptableMedia, type Sdp } from '../media-server.ts'
import type { Codec } from '../payload-types.ts'
import type { RelayAddress } from '../relay/relay-options.ts'
import type { AudioStream, Description } from '../sdp-reading.ts'
import { DescriptionWriter, type AudioTerms } from '../sdp.ts'
import type { DtlsStream, Profile } from '../sdp-security.ts'
import { BrowserFigures } from './browser-figures.ts'
import type { Leg } from './leg.ts'
import type { IceParameters, WebRtcTransport } from './mediasoup-api.ts'
import type { Rooms } from './rooms.ts'
import { StreamEnd } from './stream-end.ts'

const BROWSER_PROTOCOL = 'UDP/TLS/RTP/SAVPF'

/** A browser: a WebRtcTransport, which waits to be found (ICE-lite). Its SDP is read and written here; mediasoup knows none. */
export class BrowserLeg implements Leg {
  readonly end: StreamEnd
  readonly mux = true
  readonly hearsInside = true
  onSilent: () => void = () => {}
  onFailed: (reason: string) => void = () => {}
  readonly #transport: WebRtcTransport
  readonly #writer = new DescriptionWriter(Buffer.from(systemRandom.bytes(6)).readUIntBE(0, 6))
  readonly #figures: BrowserFigures
  readonly #told: string
  #ice: IceParameters
  #settled: { readonly stream: AudioStream; readonly dtls: DtlsStream } | null = null
  /** Who opens the association, in our words; null before it is known. */
  #setup: 'active' | 'passive' | null = null
  #closing: Promise<MediaStats> | null = null

  private constructor(end: StreamEnd, transport: WebRtcTransport, told: string, rtpTimeoutMs: number) {
    this.end = end
    this.#transport = transport
    this.#ice = transport.iceParameters
    this.#told = told
    this.#figures = new BrowserFigures(end, rtpTimeoutMs, () => this.onSilent())
    transport.on('dtlsstatechange', (state) => {
      if (state === 'failed') this.onFailed('the DTLS handshake failed')
    })
  }

  static async open(rooms: Rooms, { bind, told }: RelayAddress, rtpTimeoutMs: number): Promise<BrowserLeg> {
    const room = await rooms.enter(true)
    try {
      const transport = await room.router.createWebRtcTransport({
        listenIps: [bind === told ? { ip: bind } : { ip: bind, announcedIp: told }],
        enableUdp: true,
        enableTcp: false,
      })
      return new BrowserLeg(new StreamEnd(rooms, room, transport), transport, told, rtpTimeoutMs)
    } catch (error) {
      rooms.leave(room)
      throw error
    }
  }

  offer(terms: AudioTerms): Sdp {
    return this.#write(terms, 'actpass')
  }

  answer(offer: Description, terms: AudioTerms): Sdp {
    this.#writer.follow(offer)
    return this.#write(terms, this.#setup ?? 'passive')
  }

  check(stream: AudioStream): void {
    const { security } = stream
    if (security?.kind !== 'dtls')
      throw new UnacceptableMedia(`${BROWSER_PROTOCOL} was offered, and answered with ${stream.protocol}`, 302)
    const before = this.#settled?.dtls.fingerprint
    if (before && (before.value !== security.fingerprint.value || before.algorithm !== security.fingerprint.algorithm))
      throw new UnacceptableMedia('the browser has another certificate than before', 302)
    if (ssrcOf(stream) === null) throw new UnacceptableMedia('the browser’s audio has no a=ssrc', 302)
  }

  async settle(stream: AudioStream, isAnswer: boolean): Promise<void> {
    this.check(stream)
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `check` has seen that it is.
    const dtls = stream.security as DtlsStream
    const before = this.#settled?.dtls
    // An ICE restart of theirs is one of ours, too (RFC 8839 §4.4.3.1.1).
    if (before && !isAnswer && (before.ufrag !== dtls.ufrag || before.pwd !== dtls.pwd))
      this.#ice = await this.#transport.restartIce()
    this.#settled = { stream, dtls }
    if (this.#setup !== null) return
    this.#setup = dtls.setup === 'passive' ? 'active' : 'passive'
    const role = this.#setup === 'active' ? 'server' : 'client'
    await this.#transport.connect({ dtlsParameters: { role, fingerprints: [dtls.fingerprint] } })
  }

  async attend(_opposite: AudioStream, codecs: readonly Codec[], watch: boolean): Promise<void> {
    await this.end.produce(codecs, ssrcOf(this.#settled!.stream)!)
    this.#figures.describe(codecs[0]!)
    this.watch(watch)
  }

  watch(on: boolean): void {
    this.#figures.watch(on)
  }

  stats(): Promise<MediaStats> {
    return this.#closing ?? this.#figures.read()
  }

  close(): Promise<MediaStats> {
    this.#closing ??= this.#figures.read().finally(() => {
      this.#figures.close()
      this.end.close()
    })
    return this.#closing
  }

  #write(terms: AudioTerms, setup: string): Sdp {
    const { port } = this.#transport.iceCandidates[0]!
    return this.#writer.write({ ...terms, rtcpMux: true }, this.#told, port, this.#profile(setup))
  }

  #profile(setup: string): Profile {
    const fingerprint = this.#transport.dtlsParameters.fingerprints.find(({ algorithm }) => algorithm === 'sha-256')!
    const candidates = this.#transport.iceCandidates.map(
      ({ foundation, priority, ip, port }) => `a=candidate:${foundation} 1 udp ${priority} ${ip} ${port} typ host`,
    )
    return {
      protocol: this.#settled?.stream.protocol ?? BROWSER_PROTOCOL,
      sessionLines: ['a=ice-lite'],
      audioLines: [
        `a=setup:${setup}`,
        `a=fingerprint:sha-256 ${fingerprint.value}`,
        `a=ice-ufrag:${this.#ice.usernameFragment}`,
        `a=ice-pwd:${this.#ice.password}`,
        ...candidates,
        'a=end-of-candidates',
      ],
      isBundled: true,
    }
  }
}

/**
 * The first SSRC a browser names (RFC 5576), as they all do; a second one would be a retransmission's. No header extension is agreed on:
 * mediasoup sends its own under numbers of its own, and a browser that took one of them for its a=mid would hear nothing.
 */
function ssrcOf({ source }: AudioStream): number | null {
  const id = Number(source.ssrcs?.[0]?.id)
  return id > 0 && id <= 0xffff_ffff ? id : null
}
