import { randomUUID } from 'node:crypto'
import type { Echo, Shown } from './application.ts'
import type { SipMessage } from './message.ts'
import type { Peer } from './transport.ts'
import { serialize } from './wire-format.ts'

/** A frame of the drachtio control protocol, taken apart: `<id>|<type>|…` and what follows the leader's CRLF. */
export interface Frame {
  readonly tokens: readonly string[]
  readonly text: string
}

/** What a stream of frames can do wrong; the connection is closed with it. */
class FrameError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'FrameError'
  }
}

/** More digits than the largest frame needs. */
const MAX_DIGITS = 8

/**
 * Cuts the application's stream into frames: `<bytes>#<payload>`, several in a segment or one in many. Text is latin1, one
 * character a byte, so that UTF-8 passes through unharmed and the count is the string's length.
 */
export class FrameReader {
  readonly #maxBytes: number
  #buffer = ''
  /** Characters needed before the next frame can be complete. */
  #needed = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Takes a chunk, and calls `take` with each whole payload. `take` answers false to stop. Throws `FrameError`. */
  push(chunk: Buffer, take: (payload: string) => boolean): void {
    this.#buffer += chunk.toString('latin1')
    if (this.#buffer.length < this.#needed) return
    let start = 0
    for (;;) {
      const hash = this.#buffer.indexOf('#', start)
      if (hash === -1) {
        this.#needed = 0
        if (this.#buffer.length - start > MAX_DIGITS) throw new FrameError('no frame length where one should be')
        break
      }
      const length = this.#readLength(start, hash)
      const end = hash + 1 + length
      if (this.#buffer.length < end) {
        this.#needed = end - start
        break
      }
      if (!take(this.#buffer.slice(hash + 1, end))) return
      start = end
    }
    if (start > 0) this.#buffer = this.#buffer.slice(start)
  }

  #readLength(start: number, hash: number): number {
    let length = hash > start && hash - start <= MAX_DIGITS ? 0 : NaN
    for (let i = start; i < hash; i++) {
      const digit = this.#buffer.charCodeAt(i) - 48
      length = digit >= 0 && digit <= 9 ? length * 10 + digit : NaN
    }
    if (!(length > 0)) throw new FrameError('no frame length where one should be')
    if (length > this.#maxBytes) throw new FrameError(`a frame of ${length} bytes is larger than ${this.#maxBytes}`)
    return length
  }
}

/** Takes a payload apart. The leader ends at the first CR. */
export function readFrame(payload: string): Frame {
  const end = payload.indexOf('\r')
  if (end === -1) return { tokens: payload.split('|'), text: '' }
  return { tokens: payload.slice(0, end).split('|'), text: payload.slice(end + 2) }
}

/** A payload as it goes on the wire. */
export function writeFrame(payload: string): string {
  return `${payload.length}#${payload}`
}

/** The answer to frame `frameId`: `OK`, `NO` (and the connection is closed) or `NOK`, with its tokens. */
export function writeResponse(frameId: string, ...tokens: string[]): string {
  return writeFrame(`${randomUUID()}|response|${frameId}|${tokens.join('|')}`)
}

/** The echo of a message sent for frame `frameId`. Its tokens are read by position, and requests have one fewer. */
export function writeEcho(frameId: string, echo: Echo): string {
  const { host, port, transactionId, dialogId, text } = echo
  const protocol = protocolToken(echo.protocol)
  const place = `application|${text.length}|${protocol}|${host}|${port}|${timeToken()}|${transactionId}`
  const leader = echo.isRequest ? `${place}|Msg sent:|` : `${place}|${dialogId}||Msg sent:|`
  return writeFrame(`${randomUUID()}|response|${frameId}|OK|${leader}\r\n${text}`)
}

/** A final response that a proxied request got, for the `proxy` frame `frameId`: `continue` says that more follows. */
export function writeProxied(frameId: string, response: SipMessage, source: Peer | null): string {
  const text = serialize(response)
  const from =
    source === null
      ? `application|${text.length}|||0`
      : `network|${text.length}|${source.transport.name}|${source.host}|${source.port}`
  return writeFrame(`${randomUUID()}|response|${frameId}|OK|${from}|${timeToken()}|||continue\r\n${text}`)
}

/** A call detail event. An attempt has no detail. */
export function writeCdr(event: string, source: string, detail: string, message: SipMessage): string {
  const what = detail === '' ? '' : `|${detail}`
  return writeFrame(`${randomUUID()}|cdr:${event}|${source}|${timeToken()}${what}\r\n${serialize(message)}`)
}

/** A message shown to the application. The trailing bars matter: it counts tokens. */
export function writeShown(shown: Shown): string {
  const { source, peer, transactionId, dialogId, receivedOn, message } = shown
  const protocol = protocolToken(shown.protocol)
  const text = serialize(message)
  const from = peer === null ? `0|${protocol}||0` : `${text.length}|${protocol}|${peer.host}|${peer.port}`
  const place = receivedOn === null ? '' : `${receivedOn.host}|${receivedOn.port}|`
  const leader = `${randomUUID()}|sip|${source}|${from}|${timeToken()}|${transactionId}|${dialogId}|${place}`
  return writeFrame(`${leader}\r\n${text}`)
}

/** drachtio knows no WebSocket in its frames: applications look at Via. */
function protocolToken(transport: string): string {
  return transport === 'ws' || transport === 'wss' ? 'tcp' : transport
}

let cachedSecond = 0
let cachedText = ''

/** `HH:MM:SS.ffffff` UTC. */
export function timeToken(nowMs = Date.now()): string {
  const second = Math.floor(nowMs / 1000)
  if (second !== cachedSecond) {
    cachedSecond = second
    cachedText = new Date(nowMs).toISOString().slice(11, 19)
  }
  return `${cachedText}.${String(nowMs - second * 1000).padStart(3, '0')}000`
}
