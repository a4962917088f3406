import { type OfferedSecurity, UnacceptableMedia } from '../media-server.ts'
import type { AudioStream } from '../sdp-reading.ts'
import {
  PLAIN_PROFILE,
  PLAIN_PROTOCOL,
  type CryptoLine,
  type DtlsStream,
  type Profile,
  type StreamSecurity,
} from '../sdp-security.ts'
import { SRTP_SUITES, suiteOf, type SrtpSuiteName } from '../srtp-suites.ts'
import { systemRandom } from '../../model/random.ts'
import type { DtlsCertificate } from './dtls-messages.ts'
import type { IceCredentials } from './ice-lite.ts'
import type { LegSecurity } from './relay-messages.ts'

const BROWSER_PROTOCOL = 'UDP/TLS/RTP/SAVPF'
/** RFC 8839 §5.4 wants 4 and 22 characters at least; base64 makes 8 and 24 of these. */
const UFRAG_BYTES = 6
const PWD_BYTES = 18
/** RFC 8445 §5.1.2.1: that of a host candidate, our only one. */
const CANDIDATE_PRIORITY = 2_130_706_431

/** What a party and we have agreed on. */
interface Agreed {
  readonly protocol: string
  /** The tag that our a=crypto line has in an answer. */
  readonly tag: number
  readonly suite: SrtpSuiteName
  readonly theirs: Buffer
}

/**
 * How one face's audio is secured: what we offer its party, what we have agreed, and our half of the keys. Our key lasts as long as
 * theirs does: a party that brings a new one, as in a re-INVITE, is answered with a new one (RFC 4568 §7.1.4).
 */
export class FaceSecurity {
  #wish: OfferedSecurity = 'none'
  #agreed: Agreed | null = null
  readonly #ownKeys = new Map<SrtpSuiteName, Buffer>()
  /** The browser behind this face, as it described itself last. */
  #browser: { readonly protocol: string; readonly stream: DtlsStream } | null = null
  #ice: IceCredentials | null = null
  #certificate: DtlsCertificate | null = null
  readonly #makeCertificate: () => Promise<DtlsCertificate>

  constructor(makeCertificate: () => Promise<DtlsCertificate>) {
    this.#makeCertificate = makeCertificate
  }

  /** To be waited for, unless null, before a description of this kind is offered or agreed: a browser's needs a certificate. */
  prepareFor(wanted: StreamSecurity | OfferedSecurity): Promise<void> | null {
    const isBrowser = typeof wanted === 'string' ? wanted === 'webrtc' : wanted?.kind === 'dtls'
    if (!isBrowser || this.#certificate !== null) return null
    return this.#makeCertificate().then((certificate) => void (this.#certificate = certificate))
  }

  /** RTP and RTCP share a port with such a party, always. */
  get isBrowser(): boolean {
    return this.#browser !== null || (this.#agreed === null && this.#wish === 'webrtc')
  }

  /** How the party is to be offered its audio from now on, while it has not spoken itself. */
  wish(security: OfferedSecurity): void {
    this.#wish = security
  }

  /** For an offer of ours: what is agreed, else what is wished. */
  profileToOffer(address: string, port: number): Profile {
    if (this.isBrowser)
      return this.#browserProfile(this.#browser?.protocol ?? BROWSER_PROTOCOL, 'actpass', address, port)
    if (this.#agreed) return sdesProfile(this.#agreed.protocol, [{ ...this.#agreed, tag: 1 }], this.#ownKeys)
    if (this.#wish === 'none') return PLAIN_PROFILE
    for (const { name } of SRTP_SUITES) this.#ownKey(name)
    const lines = SRTP_SUITES.map(({ name }, i) => ({ tag: i + 1, suite: name }))
    return sdesProfile(this.#wish === 'sdes' ? 'RTP/SAVP' : PLAIN_PROTOCOL, lines, this.#ownKeys)
  }

  /** For an answer of ours to what was agreed from. */
  profileToAnswer(address: string, port: number): Profile {
    if (this.#browser) return this.#browserProfile(this.#browser.protocol, 'passive', address, port)
    return this.#agreed ? sdesProfile(this.#agreed.protocol, [this.#agreed], this.#ownKeys) : PLAIN_PROFILE
  }

  /**
   * The party has offered, or answered, this: from now on it holds. Throws UnacceptableMedia for an answer that is not one to what we
   * offered: it would leave the audio unprotected without anybody's saying so.
   */
  agree({ security, protocol }: AudioStream, isAnswer: boolean): LegSecurity | null {
    if (security?.kind === 'dtls') return this.#agreeWithBrowser(security, protocol, isAnswer)
    const [crypto] = security?.cryptos ?? []
    const before = this.#agreed
    const isSame = crypto?.suite === before?.suite && crypto?.key.equals(before!.theirs) !== false
    // What it has said before may be taken again as an answer, to an offer of ours that it has not seen.
    if (isAnswer && !(before && isSame)) this.#checkAnswer(security?.cryptos ?? null, protocol)
    this.#browser = null
    if (crypto === undefined) {
      this.#agreed = null
      return null
    }
    const { suite, tag, key } = crypto
    if (before !== null && !isAnswer && !isSame) this.#ownKeys.clear()
    this.#agreed = { protocol, tag, suite, theirs: key }
    return { kind: 'sdes', keys: { suite, send: this.#ownKey(suite), receive: key } }
  }

  #agreeWithBrowser(stream: DtlsStream, protocol: string, isAnswer: boolean): LegSecurity {
    const before = this.#browser?.stream ?? null
    const isSame = before !== null && before.ufrag === stream.ufrag && before.pwd === stream.pwd
    if (isAnswer && !isSame) this.#checkAnswer(null, protocol)
    // We wait to be found, so the association is opened by the other (RFC 5763 §5): every browser does so unless told otherwise.
    if (isAnswer ? !isSame && stream.setup !== 'active' : stream.setup === 'passive')
      throw new UnacceptableMedia(`a=setup:${stream.setup}, and the relay is passive itself`, 302)
    if (this.#certificate === null) throw new UnacceptableMedia(`${protocol} is not carried here`, 302)
    // An ICE restart of theirs is one of ours, too (RFC 8839 §4.4.3.1.1).
    if (!isAnswer && before !== null && !isSame) this.#ice = null
    this.#browser = { protocol, stream }
    this.#agreed = null
    return {
      kind: 'dtls',
      own: this.#ownIce(),
      peerUfrag: stream.ufrag,
      fingerprint: stream.fingerprint,
      certificate: this.#certificate,
    }
  }

  #browserProfile(protocol: string, setup: string, address: string, port: number): Profile {
    const { ufrag, pwd } = this.#ownIce()
    return {
      protocol,
      sessionLines: ['a=ice-lite'],
      audioLines: [
        `a=setup:${setup}`,
        `a=fingerprint:sha-256 ${this.#certificate?.fingerprint ?? ''}`,
        `a=ice-ufrag:${ufrag}`,
        `a=ice-pwd:${pwd}`,
        `a=candidate:1 1 udp ${CANDIDATE_PRIORITY} ${address} ${port} typ host`,
        'a=end-of-candidates',
      ],
      isBundled: true,
    }
  }

  #ownIce(): IceCredentials {
    const text = (bytes: number): string => Buffer.from(systemRandom.bytes(bytes)).toString('base64')
    return (this.#ice ??= { ufrag: text(UFRAG_BYTES), pwd: text(PWD_BYTES) })
  }

  #checkAnswer(cryptos: readonly CryptoLine[] | null, protocol: string): void {
    const offered = this.profileToOffer('', 0)
    if (protocol !== offered.protocol)
      throw new UnacceptableMedia(`${offered.protocol} was offered, and answered with ${protocol}`, 302)
    if (cryptos === null) return // Only where keys were an invitation: else the profile differs.
    const [chosen] = cryptos
    const isOffered = offered.audioLines.some((line) => line.startsWith(`a=crypto:${chosen?.tag} ${chosen?.suite} `))
    if (cryptos.length !== 1 || !isOffered)
      throw new UnacceptableMedia('the answer does not choose one of the keys that were offered', 302)
  }

  #ownKey(name: SrtpSuiteName): Buffer {
    let key = this.#ownKeys.get(name)
    if (key === undefined) {
      const { keyBytes, saltBytes } = suiteOf(name)
      key = Buffer.from(systemRandom.bytes(keyBytes + saltBytes))
      this.#ownKeys.set(name, key)
    }
    return key
  }
}

function sdesProfile(
  protocol: string,
  lines: readonly { readonly tag: number; readonly suite: SrtpSuiteName }[],
  keys: ReadonlyMap<SrtpSuiteName, Buffer>,
): Profile {
  const audioLines = lines.map(
    ({ tag, suite }) => `a=crypto:${tag} ${suite} inline:${keys.get(suite)!.toString('base64')}`,
  )
  return { protocol, sessionLines: [], audioLines, isBundled: false }
}
