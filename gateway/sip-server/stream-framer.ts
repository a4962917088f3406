import type { ParseFailure, SipMessage } from './message.ts'
import { fail } from './head.ts'
import type { Head } from './head.ts'
import { parseHead } from './parse-message.ts'

interface FramerOptions {
  /** Start line, headers and body together. */
  readonly maxMessageBytes?: number
}

/** What a chunk of a stream brought. */
export interface StreamInput {
  /** In order. A failure here is a message that was framed well: the next one is still good. */
  readonly messages: (SipMessage | ParseFailure)[]
  /** Double CRLFs: to be answered by one CRLF each (RFC 5626 §3.5.1, §4.4.1). */
  readonly pings: number
  /** Single CRLFs: the peer's answers to our pings, or harmless. */
  readonly pongs: number
  /** Set when the stream can go no further: answer it if it has a status, then close the connection. */
  readonly fatal: ParseFailure | null
}

const DEFAULT_MAX_MESSAGE_BYTES = 65_535
const INITIAL_BYTES = 4096
const CR = 13
const LF = 10

/** Cuts a byte stream (TCP, TLS) into messages by their Content-Length, which is obligatory here (RFC 3261 §18.3). */
export class StreamFramer {
  readonly #maxMessageBytes: number
  #buffer = Buffer.allocUnsafe(INITIAL_BYTES)
  /** The bytes not yet used are `#start..#end` of the buffer. */
  #start = 0
  #end = 0
  /** Up to here no empty line was found, so that a slow sender is not searched anew with every byte. */
  #searched = 0
  /** The message whose body is still to come. */
  #pending: Head | null = null
  /** The last thing before `#start` was a lone CRLF, already reported as a pong; another one makes the two a ping. */
  #hasLoneCrlf = false
  #fatal: ParseFailure | null = null

  constructor(options: FramerOptions = {}) {
    this.#maxMessageBytes = options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES
  }

  /** Bytes held that are not a whole message yet. */
  get bufferedBytes(): number {
    return this.#end - this.#start
  }

  /** No part of a message lies here. */
  get isBetweenMessages(): boolean {
    return this.#pending === null && this.#end === this.#start
  }

  /** Takes the next bytes. After a fatal failure everything is ignored and the failure repeated. */
  push(chunk: Buffer): StreamInput {
    const input = { messages: [] as (SipMessage | ParseFailure)[], pings: 0, pongs: 0, fatal: this.#fatal }
    if (this.#fatal !== null) return input
    this.#append(chunk)
    while (this.#fatal === null) {
      if (this.#pending === null) {
        this.#takeKeepAlives(input)
        if (!this.#takeHead()) break
      }
      const message = this.#takeBody()
      if (message === null) break
      input.messages.push(message)
    }
    input.fatal = this.#fatal
    return input
  }

  #append(chunk: Buffer): void {
    const used = this.#end - this.#start
    if (this.#end + chunk.length > this.#buffer.length) {
      const needed = used + chunk.length
      const target =
        needed > this.#buffer.length ? Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2)) : this.#buffer
      this.#buffer.copy(target, 0, this.#start, this.#end)
      this.#buffer = target
      this.#searched -= this.#start
      this.#start = 0
      this.#end = used
    }
    chunk.copy(this.#buffer, this.#end)
    this.#end += chunk.length
  }

  /** Between messages: CRLF CRLF is a ping, a CRLF alone a pong. */
  #takeKeepAlives(input: { pings: number; pongs: number }): void {
    const buffer = this.#buffer
    while (this.#end - this.#start >= 2 && buffer[this.#start] === CR && buffer[this.#start + 1] === LF) {
      this.#start += 2
      if (this.#hasLoneCrlf) input.pings++
      else if (this.#end - this.#start >= 2 && buffer[this.#start] === CR && buffer[this.#start + 1] === LF) {
        this.#start += 2
        input.pings++
        continue
      } else input.pongs++
      this.#hasLoneCrlf = !this.#hasLoneCrlf
    }
    if (this.#searched < this.#start) this.#searched = this.#start
  }

  /** Reads the headers when they are complete; false when they are not. */
  #takeHead(): boolean {
    if (this.#end === this.#start) return this.#rewind()
    // A lone CR may be half of a keep-alive.
    if (this.#end - this.#start === 1 && this.#buffer[this.#start] === CR) return false
    this.#hasLoneCrlf = false
    const at = this.#buffer.subarray(0, this.#end).indexOf('\r\n\r\n', Math.max(this.#start, this.#searched), 'latin1')
    const size = (at === -1 ? this.#end : at + 4) - this.#start
    if (size > this.#maxMessageBytes) return this.#stop({ status: null, reason: 'Headers too large', partial: null })
    if (at === -1) {
      this.#searched = Math.max(this.#start, this.#end - 3)
      return false
    }
    const text = this.#buffer.toString('latin1', this.#start, at + 4)
    const head = parseHead(text, 'network')
    head.message.wire = text
    if (head.isFramed && head.contentLength === -1) {
      head.isFramed = false
      fail(head, 400, 'Missing Content-Length')
    }
    if (!head.isFramed) return this.#stop(head.failure!)
    if (size + head.contentLength > this.#maxMessageBytes) {
      fail(head, 413, 'Message too large')
      return this.#stop(head.failure!)
    }
    this.#start = at + 4
    this.#searched = this.#start
    this.#pending = head
    return true
  }

  #takeBody(): SipMessage | ParseFailure | null {
    const head = this.#pending!
    if (this.#end - this.#start < head.contentLength) return null
    const bodyEnd = this.#start + head.contentLength
    head.message.body = this.#buffer.toString('latin1', this.#start, bodyEnd)
    head.message.wire += head.message.body
    this.#start = bodyEnd
    this.#searched = bodyEnd
    this.#pending = null
    return head.failure ?? head.message
  }

  /** Nothing is left: start at the front again, in a small buffer. */
  #rewind(): false {
    if (this.#buffer.length > INITIAL_BYTES) this.#buffer = Buffer.allocUnsafe(INITIAL_BYTES)
    this.#start = this.#end = this.#searched = 0
    return false
  }

  #stop(failure: ParseFailure): false {
    this.#fatal = failure
    this.#buffer = Buffer.alloc(0)
    this.#start = this.#end = this.#searched = 0
    return false
  }
}
