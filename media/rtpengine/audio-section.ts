import { isIPv6 } from 'node:net'
import type { Sdp } from '../media-server.ts'
import type { Direction, MediaLine } from '../sdp-reading.ts'
import { UnacceptableMedia } from '../media-server.ts'
import { SRTP_SUITES } from '../srtp-suites.ts'

/** How a party's audio travels: openly, with keys in its description (RFC 4568), or as browsers do (RFC 8834). */
export type FaceKind = 'plain' | 'sdes' | 'webrtc'

/** The lines of one description that are about its audio; rtpengine gets and gives nothing else. */
export interface AudioSection {
  readonly protocol: string
  readonly port: number
  readonly payloads: readonly number[]
  /** `IN IP4 192.0.2.1` */
  readonly connection: string
  /** Without `a=`; those of the session that bear on its audio come first. */
  readonly attributes: readonly string[]
}

const SUITES: ReadonlySet<string> = new Set(SRTP_SUITES.map(({ name }) => name))

/** Attributes of a session that hold for its audio unless that says otherwise. */
const SESSION_ATTRIBUTES =
  /^(?:sendrecv|sendonly|recvonly|inactive|ice-ufrag:|ice-pwd:|ice-options:|ice-lite$|fingerprint:|setup:|tls-id:)/
const DIRECTION = /^(?:sendrecv|sendonly|recvonly|inactive)$/
const OF_CODECS = /^(?:rtpmap|fmtp|ptime|maxptime)\b/
/** Lists of what is kept, not of what is removed: an attribute nobody thought of cannot carry an address through. */
const KEPT: Record<FaceKind, RegExp> = {
  plain: /^(?:rtpmap:|fmtp:|ptime:|maxptime:|rtcp:|rtcp-mux$|sendrecv$|sendonly$|recvonly$|inactive$)/,
  sdes: /^(?:rtpmap:|fmtp:|ptime:|maxptime:|rtcp:|rtcp-mux$|sendrecv$|sendonly$|recvonly$|inactive$|crypto:)/,
  webrtc:
    /^(?:rtpmap:|fmtp:|ptime:|maxptime:|rtcp:|rtcp-mux$|sendrecv$|sendonly$|recvonly$|inactive$|fingerprint:|setup:|tls-id:|ice-|candidate:|end-of-candidates$|mid:)/,
}

/** How the party of this description wants its audio. */
export function faceKind({ protocol }: AudioSection): FaceKind {
  const name = protocol.toUpperCase()
  return name.startsWith('UDP/TLS/') ? 'webrtc' : name.includes('SAVP') ? 'sdes' : 'plain'
}

/** The audio lines of a description, its `index`th m= line. Throws UnacceptableMedia when they are not there. */
export function readSection(text: Sdp, index: number): AudioSection {
  const blocks = text.split(/^(?=m=)/m).map((block) => block.split(/\r?\n/))
  const media = blocks[index + 1]
  const [, port, protocol, payloads] = /^m=audio (\d+)(?:\/\d+)? (\S+) (.+)$/.exec(media?.[0] ?? '') ?? []
  if (!media || !port || !protocol || !payloads)
    throw new UnacceptableMedia('the session description is unreadable: its audio')
  const session = blocks[0]!
  const own = attributesOf(media)
  const names = new Set(own.map((attribute) => nameOf(attribute)))
  const inherited = attributesOf(session).filter((one) => SESSION_ATTRIBUTES.test(one) && !names.has(nameOf(one)))
  const connection = connectionOf(media) ?? connectionOf(session)
  if (connection === undefined)
    throw new UnacceptableMedia('the session description is unreadable: its audio has no c= line')
  return {
    protocol,
    port: Number(port),
    payloads: payloads.trim().split(/\s+/).map(Number),
    connection,
    attributes: [...inherited, ...own],
  }
}

function attributesOf(lines: readonly string[]): string[] {
  return lines.filter((line) => line.startsWith('a=')).map((line) => line.slice(2))
}

function connectionOf(lines: readonly string[]): string | undefined {
  return lines.find((line) => line.startsWith('c='))?.slice(2)
}

/** What an attribute is about: one direction stands for all. */
function nameOf(attribute: string): string {
  return DIRECTION.test(attribute) ? 'direction' : attribute.split(':', 1)[0]!
}

/** The section with these of its payload types only. */
export function keepPayloads(section: AudioSection, payloads: readonly number[]): AudioSection {
  const attributes = section.attributes.filter((attribute) => {
    const [, payload] = /^(?:rtpmap|fmtp|rtcp-fb):(\d+) /.exec(attribute) ?? []
    return payload === undefined || payloads.includes(Number(payload))
  })
  return { ...section, payloads: section.payloads.filter((payload) => payloads.includes(payload)), attributes }
}

/** The section with one more payload type, and what is said of that. */
export function withPayload(section: AudioSection, payload: number, attributes: readonly string[]): AudioSection {
  const about = new RegExp(`^(?:rtpmap|fmtp|rtcp-fb):${payload} `)
  return {
    ...section,
    payloads: [...section.payloads, payload],
    attributes: [...section.attributes.filter((one) => !about.test(one)), ...attributes],
  }
}

/** The section with the other's payload types too, behind its own. */
export function withPayloadsOf(section: AudioSection, other: AudioSection): AudioSection {
  const added = other.payloads.filter((payload) => !section.payloads.includes(payload))
  const { attributes } = keepPayloads(other, added)
  return {
    ...section,
    payloads: [...section.payloads, ...added],
    attributes: [...section.attributes, ...attributes.filter((one) => /^(?:rtpmap|fmtp):/.test(one))],
  }
}

export function withDirection(section: AudioSection, direction: Direction): AudioSection {
  return { ...section, attributes: [...section.attributes.filter((one) => !DIRECTION.test(one)), direction] }
}

/** `where`, with the codecs and packet times of `what`: the same port and keys, another offer. */
export function withCodecsOf(where: AudioSection, what: AudioSection): AudioSection {
  const kept = where.attributes.filter((attribute) => !OF_CODECS.test(attribute))
  return {
    ...where,
    payloads: what.payloads,
    attributes: [...what.attributes.filter((one) => OF_CODECS.test(one)), ...kept],
  }
}

/** An offer lets the other end choose who begins DTLS (RFC 8842 §5.2). */
export function asOffer(section: AudioSection): AudioSection {
  const attributes = section.attributes.map((one) => (one.startsWith('setup:') ? 'setup:actpass' : one))
  return { ...section, attributes }
}

/**
 * A section as a description of its own, for rtpengine. Keys beside plain RTP (RFC 8643) are kept from it: it would use them. So are
 * suites that no party of ours is offered.
 */
export function writeForEngine(section: AudioSection): Sdp {
  const kind = faceKind(section)
  const attributes = section.attributes.filter((attribute) => {
    if (attribute.startsWith('fingerprint:')) return kind === 'webrtc'
    return !attribute.startsWith('crypto:') || (kind === 'sdes' && SUITES.has(attribute.split(' ')[1] ?? ''))
  })
  return `v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n${sectionLines({ ...section, attributes })}`
}

function sectionLines({ protocol, port, payloads, connection, attributes }: AudioSection): string {
  const lines = attributes.map((attribute) => `a=${attribute}\r\n`).join('')
  return `m=audio ${port} ${protocol} ${payloads.join(' ')}\r\nc=${connection}\r\n${lines}`
}

/**
 * Our side of one dialog's descriptions: its o= line, whose version grows by one with each change and only then (RFC 3264 §8), and its
 * m= lines, which keep their places (§6).
 */
export class SectionWriter {
  readonly #sessionId: number
  #version = 0
  #lastRest = ''
  #lines: readonly MediaLine[] = [{ type: 'audio', protocol: 'RTP/AVP', payloads: '', mid: null }]
  #audioIndex = 0
  #bundles = false

  /** `sessionId` names the session in o=, a random number. */
  constructor(sessionId: number) {
    this.#sessionId = sessionId
  }

  /** The other end of this dialog offered: our answer, and all after it, has its lines in its places. */
  follow(description: { readonly lines: readonly MediaLine[]; readonly audioIndex: number }, text: Sdp): void {
    this.#lines = description.lines
    this.#audioIndex = description.audioIndex
    this.#bundles = /^a=group:BUNDLE /m.test(text)
  }

  write(section: AudioSection): Sdp {
    const attributes = section.attributes.filter((attribute) => KEPT[faceKind(section)].test(attribute))
    const audio = sectionLines({ ...section, attributes })
    const media = this.#lines.map((line, i) => (i === this.#audioIndex ? audio : refusal(line)))
    const [, , address = ''] = section.connection.split(' ')
    const mid = attributes.find((attribute) => attribute.startsWith('mid:'))?.slice(4)
    const group = this.#bundles && mid !== undefined ? `a=group:BUNDLE ${mid}\r\n` : ''
    const rest = `IN ${isIPv6(address) ? 'IP6' : 'IP4'} ${address}\r\ns=-\r\nt=0 0\r\n${group}${media.join('')}`
    if (rest !== this.#lastRest) {
      this.#lastRest = rest
      this.#version++
    }
    return `v=0\r\no=- ${this.#sessionId} ${this.#version} ${rest}`
  }
}

function refusal({ type, protocol, payloads }: MediaLine): string {
  return `m=${type} 0 ${protocol} ${payloads || '0'}\r\n`
}
