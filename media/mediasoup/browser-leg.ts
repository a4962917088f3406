import { systemRandom } from '../../model/random.ts'
import type { MediaStats } from '../../model/cdr.ts'
import { UnacceptableMedia, type Sdp } from '../media-server.ts'
import type { Codec } from '../payload-types.ts'
import type { RelayAddress } from '../relay/relay-options.ts'
import type { AudioStream, Description } from '../sdp-reading.ts'
import { DescriptionWriter, type AudioTerms } from '../sdp.ts'
import { textOf, type DtlsStream, type Profile } from '../sdp-security.ts'
import { BrowserFigures } from './browser-figures.ts'
import type { Leg } from './leg.ts'
import type { IceParameters, WebRtcTransport } from './mediasoup-api.ts'
import type { Rooms } from './rooms.ts'
import { StreamEnd } from './stream-end.ts'

const BROWSER_PROTOCOL = 'UDP/TLS/RTP/SAVPF'
const MID_EXTENSION = 'urn:ietf:params:rtp-hdrext:sdes:mid'
/** In our own offers. */
const MID_EXTENSION_ID = 1

/** A browser: a WebRtcTransport, which waits to be found (ICE-lite). Its SDP is read and written here; mediasoup knows none. */
export class BrowserLeg implements Leg {
  readonly end: StreamEnd
  readonly mux = true
  onSilent: () => void = () => {}
  onFailed: (reason: string) => void = () => {}
  readonly #rooms: Rooms
  readonly #transport: WebRtcTransport
  readonly #writer = new DescriptionWriter(Buffer.from(systemRandom.bytes(6)).readUIntBE(0, 6))
  readonly #figures: BrowserFigures
  readonly #told: string
  #ice: IceParameters
  #settled: { readonly stream: AudioStream; readonly dtls: DtlsStream } | null = null
  /** Who opens the association, in our words; null before it is known. */
  #setup: 'active' | 'passive' | null = null
  #closing: Promise<MediaStats> | null = null

  private constructor(rooms: Rooms, end: StreamEnd, transport: WebRtcTransport, told: string, rtpTimeoutMs: number) {
    this.#rooms = rooms
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
      return new BrowserLeg(rooms, new StreamEnd(rooms, room, transport), transport, told, rtpTimeoutMs)
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
    if (ssrcOf(stream) === null && midExtensionOf(stream) === null)
      throw new UnacceptableMedia('the browser’s audio has neither a=ssrc nor the header extension of a=mid', 302)
    const moved = stream.codecs.find((codec) => this.#rooms.codecs.payloadOf(codec) !== codec.payload)
    if (moved) throw new UnacceptableMedia(`the payload type of ${moved.name} is another than the call began with`, 305)
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
    const { stream } = this.#settled!
    const [ssrc, id] = [ssrcOf(stream), midExtensionOf(stream)]
    const { mid } = stream.source
    const named = mid !== undefined && id !== null ? { mid: textOf(mid) } : {}
    await this.end.produce(codecs, {
      ...named,
      headerExtensions: id === null ? [] : [{ uri: MID_EXTENSION, id }],
      encodings: [ssrc === null ? {} : { ssrc }],
    })
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
    const settled = this.#settled
    const extension = settled ? midExtensionOf(settled.stream) : MID_EXTENSION_ID
    return {
      protocol: settled?.stream.protocol ?? BROWSER_PROTOCOL,
      sessionLines: ['a=ice-lite'],
      audioLines: [
        ...(extension === null ? [] : [`a=extmap:${extension} ${MID_EXTENSION}`]),
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

/** The first SSRC a browser names (RFC 5576); a second one would be a retransmission's. */
function ssrcOf({ source }: AudioStream): number | null {
  const id = Number(source.ssrcs?.[0]?.id)
  return id > 0 && id <= 0xffff_ffff ? id : null
}

/** The number of the header extension that names the a=mid of each packet (RFC 9143 §15); null without one. */
function midExtensionOf({ source }: AudioStream): number | null {
  if (source.mid === undefined) return null
  const id = Number(source.ext?.find(({ uri }) => uri === MID_EXTENSION)?.value)
  return id >= 1 && id <= 14 ? id : null
}
