import { systemRandom } from '../../model/random.ts'
import type { MediaStats } from '../../model/cdr.ts'
import { UnacceptableMedia, type Sdp } from '../media-server.ts'
import type { Codec } from '../payload-types.ts'
import { newFace, type Face } from '../relay/face.ts'
import { FaceSecurity } from '../relay/face-security.ts'
import type { LegSecurity } from '../relay/relay-messages.ts'
import type { RelayAddress } from '../relay/relay-options.ts'
import { checkReachable, remotePartyWithoutTools } from '../relay/remote-party.ts'
import type { AudioStream, Description } from '../sdp-reading.ts'
import type { AudioTerms } from '../sdp.ts'
import { LOOPBACK, type Front, type Fronts } from './fronts.ts'
import type { Leg, LegWish } from './leg.ts'
import type { Rooms } from './rooms.ts'
import { StreamEnd } from './stream-end.ts'

/** A phone or a trunk: a PlainTransport, behind ports of our own that know whom to believe. Plain RTP or SRTP with keys (RFC 4568). */
export class PhoneLeg implements Leg {
  readonly end: StreamEnd
  readonly hearsInside = false
  readonly #rooms: Rooms
  readonly #front: Front
  readonly #face: Face
  readonly #workerPort: number
  readonly #ssrc: number
  readonly #strict: boolean
  #settled: { readonly stream: AudioStream; readonly security: LegSecurity | null } | null = null

  private constructor(parts: {
    rooms: Rooms
    end: StreamEnd
    front: Front
    face: Face
    workerPort: number
    ssrc: number
    strict: boolean
  }) {
    this.#rooms = parts.rooms
    this.end = parts.end
    this.#front = parts.front
    this.#face = parts.face
    this.#workerPort = parts.workerPort
    this.#ssrc = parts.ssrc
    this.#strict = parts.strict
  }

  static async open(
    rooms: Rooms,
    fronts: Fronts,
    address: RelayAddress,
    options: { strict: boolean; wish: LegWish },
  ): Promise<PhoneLeg> {
    const room = await rooms.enter(false)
    const ssrc = Buffer.from(systemRandom.bytes(4)).readUInt32BE() >>> 0 || 1
    let front: Front | null = null
    try {
      front = await fronts.open(address.bind, ssrc)
      const transport = await room.router.createPlainTransport({
        listenIp: { ip: LOOPBACK },
        rtcpMux: true,
        comedia: false,
      })
      await transport.connect({ ip: LOOPBACK, port: front.loopPort })
      const end = new StreamEnd(rooms, room, transport)
      const face = newFace(address, front.port, new FaceSecurity(noCertificate))
      face.security.wish(options.wish)
      return new PhoneLeg({
        rooms,
        end,
        front,
        face,
        workerPort: transport.tuple.localPort,
        ssrc,
        strict: options.strict,
      })
    } catch (error) {
      rooms.leave(room)
      void front?.close()
      throw error
    }
  }

  get mux(): boolean {
    return this.#face.mux
  }

  set onSilent(told: () => void) {
    this.#front.onSilent = told
  }

  set onFailed(told: (reason: string) => void) {
    this.#front.onFailed = told
  }

  offer(terms: AudioTerms): Sdp {
    const { security, address, port, writer } = this.#face
    this.#face.muxOffered = terms.rtcpMux
    return writer.write(terms, address.told, port, security.profileToOffer(address.told, port))
  }

  answer(offer: Description, terms: AudioTerms): Sdp {
    const { security, address, port, writer } = this.#face
    writer.follow(offer)
    return writer.write(terms, address.told, port, security.profileToAnswer(address.told, port))
  }

  check(stream: AudioStream): void {
    if (stream.security?.kind === 'dtls')
      throw new UnacceptableMedia('a call that began with a phone does not go on with a browser in its place', 302)
    checkReachable(stream, this.#face.address.bind, this.#strict)
  }

  // oxlint-disable-next-line require-await -- a browser's leg must ask; here a throw becomes a rejection.
  async settle(stream: AudioStream, isAnswer: boolean): Promise<void> {
    this.check(stream)
    const security = this.#face.security.agree(stream, isAnswer)
    this.#face.mux = stream.rtcpMux && (!isAnswer || this.#face.muxOffered)
    this.#settled = { stream, security }
  }

  async attend(opposite: AudioStream, codecs: readonly Codec[], watch: boolean): Promise<void> {
    const { stream, security } = this.#settled!
    await this.end.produce(codecs, this.#ssrc)
    // What is the other side's is not kept from it here: the worker knows both, by numbers of its own.
    const phone = remotePartyWithoutTools(stream, opposite, this.#face.mux, security)
    const outward = codecs.map(
      (codec) => [this.#rooms.codecs.payloadOf(codec) ?? codec.payload, codec.payload] as const,
    )
    await this.#front.agree(phone, this.#workerPort, { first: codecs[0]!.payload, outward }, watch)
  }

  watch(on: boolean): void {
    this.#front.watch(on)
  }

  stats(): Promise<MediaStats> {
    return this.#front.stats()
  }

  close(): Promise<MediaStats> {
    this.end.close()
    return this.#front.close()
  }
}

function noCertificate(): Promise<never> {
  return Promise.reject(new UnacceptableMedia('a browser has a leg of its own kind', 302))
}
