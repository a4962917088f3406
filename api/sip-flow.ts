import type { LegRecord } from '../model/cdr.ts'
import type { SipTrace, TracedMessage } from './needs.ts'

/** One of a call's legs as its ladder shows it. */
export interface FlowLeg {
  /** `caller`, `buyer`, or `buyer 1`, `buyer 2`, … in the order they were rung; `… phone 2` of those with several phones. */
  readonly name: string
  readonly side: LegRecord['side']
  readonly sipCallId: string
  /** The other end of its first message; null when none is kept. */
  readonly remote: { readonly host: string; readonly port: number; readonly transport: string } | null
}

/** One message of a leg. */
export interface FlowMessage extends TracedMessage {
  readonly leg: FlowLeg
  /** `INVITE`, or `486 Busy Here`. */
  readonly summary: string
  /** Of its CSeq: what a response answers. */
  readonly method: string
  readonly hasSdp: boolean
}

/** The SIP of one call over all legs that its reader may see. */
export interface Flow {
  readonly legs: readonly FlowLeg[]
  /** In the order they passed the exchange. */
  readonly messages: readonly FlowMessage[]
  /** Messages that were too many to be kept. */
  readonly leftOut: number
  /** False when the first INVITE of some leg is no longer kept. */
  readonly isComplete: boolean
}

/** An INVITE passes the transport before the call is noted: by how much the two clocks may differ. */
const CLOCK_TOLERANCE_MS = 50

/** Sorts what was traced into the legs of a call. */
export function flowOf(legs: readonly LegRecord[], trace: SipTrace): Flow {
  const buyers = legs.filter((leg) => leg.side === 'buyer').length
  const messages: FlowMessage[] = []
  const flowLegs: FlowLeg[] = []
  let isComplete = true
  let buyer = 0
  for (const record of legs) {
    if (record.sipCallIds.length === 0) continue // Nothing was sent.
    const side = record.side === 'caller' ? 'caller' : buyers === 1 ? 'buyer' : `buyer ${++buyer}`
    record.sipCallIds.forEach((sipCallId, index) => {
      const name = record.sipCallIds.length === 1 ? side : `${side} phone ${index + 1}`
      const ofCallId = trace.messages.filter((message) => message.callId === sipCallId)
      const own = record.side === 'caller' ? ofDialog(ofCallId, record) : ofCallId
      const [first] = own
      const remote = first ? { ...first.remote, transport: first.transport } : null
      const leg: FlowLeg = { name, side: record.side, sipCallId, remote }
      flowLegs.push(leg)
      isComplete &&= first !== undefined && isInitialInvite(first)
      for (const message of own) messages.push(flowMessage(message, leg))
    })
  }
  messages.sort((a, b) => a.atMs - b.atMs)
  return { legs: flowLegs, messages, leftOut: trace.leftOut, isComplete }
}

/**
 * A caller chooses its Call-ID, and two callers may choose the same one: only what carries the tag of the INVITE that
 * began this very call is shown with it.
 */
function ofDialog(messages: readonly TracedMessage[], record: LegRecord): readonly TracedMessage[] {
  const latestMs = record.invitedAt.getTime() + CLOCK_TOLERANCE_MS
  const invites = messages.filter((message) => message.direction === 'in' && isInitialInvite(message))
  const began = invites.findLast((message) => message.atMs <= latestMs)
  const tag = began && tagOf(began.text, 'from', 'f')
  if (!tag) return []
  return messages.filter(({ text }) => tagOf(text, 'from', 'f') === tag || tagOf(text, 'to', 't') === tag)
}

function isInitialInvite({ text }: TracedMessage): boolean {
  return text.startsWith('INVITE ') && tagOf(text, 'to', 't') === null
}

function tagOf(text: string, name: string, compact: string): string | null {
  return /;\s*tag\s*=\s*([^;\s,>]+)/i.exec(headerOf(text, name, compact))?.[1] ?? null
}

/** The value of the first header of this name or its compact form; '' when there is none. */
function headerOf(text: string, name: string, compact: string): string {
  const end = text.indexOf('\r\n\r\n')
  const head = end === -1 ? text : text.slice(0, end)
  return new RegExp(String.raw`\r\n(?:${name}|${compact})[ \t]*:[ \t]*([^\r\n]*)`, 'i').exec(head)?.[1] ?? ''
}

function flowMessage(message: TracedMessage, leg: FlowLeg): FlowMessage {
  const { text } = message
  const line = text.slice(0, Math.max(0, text.indexOf('\r\n')))
  const summary = line.startsWith('SIP/2.0 ') ? line.slice(8) : line.split(' ')[0]!
  const [, method = ''] = /^\d+\s+(\S+)/.exec(headerOf(text, 'cseq', 'cseq')) ?? []
  const hasSdp = headerOf(text, 'content-type', 'c').toLowerCase().startsWith('application/sdp')
  return { ...message, leg, summary: printable(readable(summary)), method, hasSdp }
}

/** Without what a terminal would take for a command, and XML has no place for. */
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}\ufffe\uffff]/gu, '\ufffd')
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Bytes for people: UTF-8 when they are that (RFC 3261 §7), else latin1. */
export function readable(latin1: string): string {
  // oxlint-disable-next-line no-control-regex -- only what is beyond ASCII needs a second look
  if (/^[\x00-\x7f]*$/.test(latin1)) return latin1
  try {
    return utf8.decode(Buffer.from(latin1, 'latin1'))
  } catch {
    return latin1
  }
}

/** What stands on a message's arrow. */
export function labelOf(message: FlowMessage): string {
  const answers = /^\d/.test(message.summary) && message.method !== 'INVITE' ? ` to ${message.method}` : ''
  return `${message.summary}${answers}${message.hasSdp ? ' (SDP)' : ''}${message.isRetransmission ? ', again' : ''}`
}

/** `14:03:07.123456`, UTC. */
export function timeOfDay(atMs: number): string {
  return printMicros(atMs).slice(11, -1)
}

/** RFC 3339 in UTC, with microseconds. */
export function printMicros(atMs: number): string {
  const micros = Math.round(atMs * 1000)
  const fraction = String(micros % 1_000_000).padStart(6, '0')
  return `${new Date(Math.floor(micros / 1_000_000) * 1000).toISOString().slice(0, 19)}.${fraction}Z`
}

/** The columns of a ladder, left to right: the caller, the exchange, and the buyers in the order they were rung. */
export function columnsOf(flow: Flow): (FlowLeg | null)[] {
  const callers = flow.legs.filter((leg) => leg.side === 'caller')
  return [...callers, null, ...flow.legs.filter((leg) => leg.side === 'buyer')]
}

/** `192.0.2.7:5060 udp`; IPv6 in brackets. */
export function addressOf({ remote }: FlowLeg): string {
  if (remote === null) return 'no longer kept'
  const host = remote.host.includes(':') ? `[${remote.host}]` : remote.host
  return `${host}:${remote.port} ${remote.transport}`
}
