import { type OfferedSecurity, UnacceptableMedia } from '../media-server.ts'
import type { AudioStream } from '../sdp-reading.ts'
import { PLAIN_PROFILE, PLAIN_PROTOCOL, type CryptoLine, type Profile } from '../sdp-security.ts'
import { SRTP_SUITES, suiteOf, type SrtpSuiteName } from '../srtp-suites.ts'
import { systemRandom } from '../../model/random.ts'
import type { LegSecurity } from './relay-messages.ts'

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

  /** How the party is to be offered its audio from now on, while it has not spoken itself. */
  wish(security: OfferedSecurity): void {
    this.#wish = security
  }

  /** For an offer of ours: what is agreed, else what is wished. */
  profileToOffer(): Profile {
    if (this.#agreed) return sdesProfile(this.#agreed.protocol, [{ ...this.#agreed, tag: 1 }], this.#ownKeys)
    if (this.#wish === 'none') return PLAIN_PROFILE
    for (const { name } of SRTP_SUITES) this.#ownKey(name)
    const lines = SRTP_SUITES.map(({ name }, i) => ({ tag: i + 1, suite: name }))
    return sdesProfile(this.#wish === 'sdes' ? 'RTP/SAVP' : PLAIN_PROTOCOL, lines, this.#ownKeys)
  }

  /** For an answer of ours to what was agreed from. */
  profileToAnswer(): Profile {
    return this.#agreed ? sdesProfile(this.#agreed.protocol, [this.#agreed], this.#ownKeys) : PLAIN_PROFILE
  }

  /**
   * The party has offered, or answered, this: from now on it holds. Throws UnacceptableMedia for an answer that is not one to what we
   * offered: it would leave the audio unprotected without anybody's saying so.
   */
  agree({ security, protocol }: AudioStream, isAnswer: boolean): LegSecurity | null {
    if (security?.kind === 'dtls') throw new UnacceptableMedia(`${protocol} is not carried here`, 302)
    const [crypto] = security?.cryptos ?? []
    const before = this.#agreed
    const isSame = crypto?.suite === before?.suite && crypto?.key.equals(before!.theirs) !== false
    // What it has said before may be taken again as an answer, to an offer of ours that it has not seen.
    if (isAnswer && !(before && isSame)) this.#checkAnswer(security?.cryptos ?? null, protocol)
    if (crypto === undefined) {
      this.#agreed = null
      return null
    }
    const { suite, tag, key } = crypto
    if (before !== null && !isAnswer && !isSame) this.#ownKeys.clear()
    this.#agreed = { protocol, tag, suite, theirs: key }
    return { kind: 'sdes', keys: { suite, send: this.#ownKey(suite), receive: key } }
  }

  #checkAnswer(cryptos: readonly CryptoLine[] | null, protocol: string): void {
    const offered = this.profileToOffer()
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
