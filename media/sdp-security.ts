import type { MediaDescription, SessionDescription } from 'sdp-transform'
import { SRTP_SUITES, type SrtpSuiteName } from './srtp-suites.ts'

/** More a=crypto lines than anybody has suites. */
const CRYPTO_LINES_LIMIT = 16

/** One usable a=crypto line (RFC 4568 §4). */
export interface CryptoLine {
  readonly tag: number
  readonly suite: SrtpSuiteName
  /** The master key with its salt behind it. */
  readonly key: Buffer
}

/** Who opens the DTLS association (RFC 4145 §4, RFC 5763 §5). */
export type DtlsSetup = 'actpass' | 'active' | 'passive'

/** What a description says of a browser's audio: its certificate's fingerprint (RFC 8122) and its ICE credentials (RFC 8839). */
export interface DtlsStream {
  readonly kind: 'dtls'
  readonly fingerprint: { readonly algorithm: string; readonly value: string }
  readonly setup: DtlsSetup
  readonly ufrag: string
  readonly pwd: string
}

/** How a party secures its audio; null is plain RTP. */
export type StreamSecurity = { readonly kind: 'sdes'; readonly cryptos: readonly CryptoLine[] } | DtlsStream | null

/** How our description says that the audio travels: the profile of its m= line, and what stands around it. */
export interface Profile {
  readonly protocol: string
  readonly sessionLines: readonly string[]
  readonly audioLines: readonly string[]
  /** Lines are named, and the audio's is a bundle of its own (RFC 9143), if the other end bundles. */
  readonly isBundled: boolean
}

export const PLAIN_PROTOCOL = 'RTP/AVP'
export const PLAIN_PROFILE: Profile = { protocol: PLAIN_PROTOCOL, sessionLines: [], audioLines: [], isBundled: false }

/** sdp-transform makes a number of any text that looks like one (`a=mid:0`, `a=ice-ufrag:1234`), whatever its types say. */
export function textOf(value: string | number | undefined): string {
  return String(value ?? '')
}

/** The profiles in which keys are a must (RFC 3711 §11, RFC 5124, RFC 5764 §8). */
const SECURE_PROTOCOLS = new Set(['RTP/SAVP', 'RTP/SAVPF', 'UDP/TLS/RTP/SAVP', 'UDP/TLS/RTP/SAVPF'])

/** How this stream is to be secured, or a sentence why it cannot be carried. */
export function readSecurity(
  session: SessionDescription,
  media: MediaDescription,
): { readonly security: StreamSecurity } | string {
  const protocol = textOf(media.protocol).toUpperCase()
  const isPlain = protocol === PLAIN_PROTOCOL
  if (!isPlain && !SECURE_PROTOCOLS.has(protocol)) return `${media.protocol} is no profile we carry`
  const cryptos = protocol.startsWith('UDP/TLS') ? [] : readCryptos(media)
  // In the plain profile keys are an invitation (RFC 8643): whoever cannot use them leaves them alone.
  if (cryptos.length > 0) return { security: { kind: 'sdes', cryptos } }
  if (isPlain) return { security: null }
  if (media.fingerprint ?? session.fingerprint) return readDtls(session, media)
  return protocol.startsWith('UDP/TLS')
    ? `${media.protocol} without a=fingerprint`
    : `${media.protocol} without a=crypto of a suite we have: ${SRTP_SUITES.map(({ name }) => name).join(', ')}`
}

function readCryptos(media: MediaDescription): CryptoLine[] {
  const lines = (media.crypto ?? []).slice(0, CRYPTO_LINES_LIMIT)
  return lines.map(readCrypto).filter((line) => line !== null)
}

/** Null for what we cannot do: another suite, several keys, an MKI, session parameters (which are mandatory, RFC 4568 §6.3.7). */
function readCrypto(line: NonNullable<MediaDescription['crypto']>[number]): CryptoLine | null {
  const suite = SRTP_SUITES.find(({ name }) => name === textOf(line.suite))
  const [method, value] = textOf(line.config).split(/:(.*)/s)
  if (!suite || method?.toLowerCase() !== 'inline' || value === undefined) return null
  // A window-size hint asks nothing of the protocol (RFC 4568 §6.3.6).
  if (line.sessionConfig !== undefined && !/^WSH=\d+$/.test(line.sessionConfig.trim())) return null
  const [text, ...parameters] = value.split('|')
  if (value.includes(';') || parameters.some((parameter) => parameter.includes(':'))) return null
  const key = Buffer.from(text!, 'base64')
  return key.length === suite.keyBytes + suite.saltBytes ? { tag: line.id, suite: suite.name, key } : null
}

const FINGERPRINT_HASHES = new Set(['sha-256', 'sha-384', 'sha-512'])

function readDtls(session: SessionDescription, media: MediaDescription): { security: StreamSecurity } | string {
  const fingerprint = media.fingerprint ?? session.fingerprint!
  const algorithm = textOf(fingerprint.type).toLowerCase()
  if (!FINGERPRINT_HASHES.has(algorithm)) return `its fingerprint is ${algorithm}; it must be sha-256 or longer`
  const ufrag = media.iceUfrag ?? session.iceUfrag
  const pwd = media.icePwd ?? session.icePwd
  if (ufrag === undefined || pwd === undefined) return 'DTLS-SRTP without ICE'
  if (session.icelite !== undefined) return 'ICE-lite on both sides: nobody would look for a path'
  if (media.rtcpMux === undefined) return 'DTLS-SRTP without rtcp-mux'
  const setup = textOf(media.setup ?? session.setup ?? 'active')
  if (setup !== 'actpass' && setup !== 'active' && setup !== 'passive') return `a=setup:${setup}`
  const value = textOf(fingerprint.hash).toUpperCase()
  return {
    security: { kind: 'dtls', fingerprint: { algorithm, value }, setup, ufrag: textOf(ufrag), pwd: textOf(pwd) },
  }
}
