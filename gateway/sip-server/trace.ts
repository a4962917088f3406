import { detach } from './characters.ts'
import { maskSecrets } from './secrets.ts'
import { localEndpoint, plainHost } from './tap.ts'
import type { Direction, Endpoint, Tap } from './tap.ts'
import type { Peer, Transport, TransportName } from './transport.ts'

/** The bounds of what is remembered. */
export interface TraceLimits {
  /** The ring that messages are written into; it is set aside as it fills. */
  readonly maxBytes: number
  /** Messages kept of one Call-ID; later ones are counted. */
  readonly maxMessagesPerCall: number
  /** Call-IDs remembered at a time. */
  readonly maxCalls: number
  /** Messages in one answer; later ones are counted. */
  readonly maxAnswer: number
}

/** Sizes the index: fewer messages of this size fit into the ring than the index has room for. */
const SMALLEST_MESSAGE_BYTES = 256

/** A message that was received or sent. Plain data: it crosses the thread. */
export interface TracedMessage {
  readonly callId: string
  /** Wall clock, milliseconds since the epoch; the fraction is good to the microsecond. */
  readonly atMs: number
  readonly direction: Direction
  readonly transport: TransportName
  readonly local: Endpoint
  readonly remote: Endpoint
  /** The whole message in latin1 (a character a byte), credentials masked. */
  readonly text: string
  /** The same bytes have gone the same way before. */
  readonly isRetransmission: boolean
}

/** What is remembered of some Call-IDs. */
export interface SipTrace {
  /** In the order they were seen. */
  readonly messages: readonly TracedMessage[]
  /** Messages over `maxMessagesPerCall`, not kept. */
  readonly leftOut: number
}

/** The entries of one Call-ID: a list through the index, in order. */
class CallTrace {
  readonly callId: string
  readonly first: number
  last: number
  count = 1
  leftOut = 0
  /** The call that began next. */
  younger: CallTrace | null = null

  constructor(callId: string, first: number) {
    this.callId = callId
    this.first = first
    this.last = first
  }
}

const NONE = -1
const SIGNATURES = /(?<=^(?:identity|y)[ \t]*:[ \t]*)\S[^\r\n]*/gim
const stars = (text: string): string => '*'.repeat(text.length)

/**
 * Remembers the messages of the latest calls. An INVITE begins a trace (nothing else does: a flood of OPTIONS must not
 * push calls out), and the call that began first is forgotten when room is needed.
 *
 * Messages are copied into one ring of bytes outside the heap, with an index of typed arrays: no string is kept alive, no
 * object is made for a message, and the collector never sees any of it.
 */
export class TraceStore implements Tap {
  readonly #limits: TraceLimits
  readonly #ring: Buffer
  /** Where the next message is written, and where the oldest one begins. */
  #head = 0
  #tail = 0
  /** Sequence numbers of the oldest entry and of the next; an entry's place in the index is its number modulo its size. */
  #oldest = 0
  #next = 0
  readonly #size: number
  readonly #atMs: Float64Array
  readonly #offset: Uint32Array
  readonly #length: Uint32Array
  /** Of the remote address, which stands before the message. */
  readonly #hostLength: Uint8Array
  readonly #port: Uint16Array
  /** Transport number and direction. */
  readonly #kind: Uint8Array
  /** The next entry of the same call, or NONE. */
  readonly #following: Float64Array
  readonly #transports: Transport[] = []
  readonly #calls = new Map<string, CallTrace>()
  #oldestCall: CallTrace | null = null
  #youngestCall: CallTrace | null = null

  constructor(limits: TraceLimits) {
    this.#limits = limits
    this.#ring = Buffer.allocUnsafeSlow(limits.maxBytes)
    this.#size = Math.max(16, Math.ceil(limits.maxBytes / SMALLEST_MESSAGE_BYTES))
    this.#atMs = new Float64Array(this.#size)
    this.#offset = new Uint32Array(this.#size)
    this.#length = new Uint32Array(this.#size)
    this.#hostLength = new Uint8Array(this.#size)
    this.#port = new Uint16Array(this.#size)
    this.#kind = new Uint8Array(this.#size)
    this.#following = new Float64Array(this.#size)
  }

  /** Call-IDs remembered now. */
  get calls(): number {
    return this.#calls.size
  }

  see(direction: Direction, text: string, callId: string, peer: Peer, atMs: number): void {
    let call = this.#calls.get(callId)
    if (call === undefined && !text.startsWith('INVITE ')) return
    if (call !== undefined && call.count >= this.#limits.maxMessagesPerCall) {
      call.leftOut++
      return
    }
    const size = peer.host.length + text.length
    if (size > this.#ring.length) return
    this.#makeRoom(size)
    // Making room may have cost this very call its beginning, and then the call.
    if (call !== undefined && this.#calls.get(callId) !== call) return
    const entry = this.#write(direction, text, peer, atMs, size)
    if (call === undefined) {
      call = new CallTrace(detach(callId), entry)
      this.#remember(call)
      return
    }
    this.#following[call.last % this.#size] = entry
    call.last = entry
    call.count++
  }

  #remember(call: CallTrace): void {
    if (this.#calls.size >= this.#limits.maxCalls) this.#forgetOldestCall()
    this.#calls.set(call.callId, call)
    if (this.#youngestCall === null) this.#oldestCall = call
    else this.#youngestCall.younger = call
    this.#youngestCall = call
  }

  #forgetOldestCall(): void {
    const call = this.#oldestCall!
    this.#calls.delete(call.callId)
    this.#oldestCall = call.younger
    if (this.#oldestCall === null) this.#youngestCall = null
  }

  /** Afterwards `size` bytes from `#head` on are free, and one place in the index. */
  #makeRoom(size: number): void {
    for (;;) {
      if (this.#oldest === this.#next) {
        this.#head = this.#tail = 0
        return
      }
      if (this.#next - this.#oldest < this.#size) {
        if (this.#head > this.#tail) {
          if (this.#ring.length - this.#head >= size) return
          // Not enough before the end: the rest of the ring stays unused this time round.
          if (this.#tail > size) {
            this.#head = 0
            return
          }
        } else if (this.#tail - this.#head > size) return
      }
      this.#dropOldest()
    }
  }

  #dropOldest(): void {
    if (this.#oldestCall?.first === this.#oldest) this.#forgetOldestCall()
    this.#oldest++
    this.#tail = this.#oldest === this.#next ? this.#head : this.#offset[this.#oldest % this.#size]!
  }

  #write(direction: Direction, text: string, peer: Peer, atMs: number, size: number): number {
    const entry = this.#next++
    const at = entry % this.#size
    this.#ring.write(peer.host, this.#head, 'latin1')
    this.#ring.write(text, this.#head + peer.host.length, 'latin1')
    this.#atMs[at] = atMs
    this.#offset[at] = this.#head
    this.#length[at] = text.length
    this.#hostLength[at] = peer.host.length
    this.#port[at] = peer.port
    this.#kind[at] = this.#numberOf(peer.transport) * 2 + (direction === 'in' ? 0 : 1)
    this.#following[at] = NONE
    this.#head += size
    return entry
  }

  #numberOf(transport: Transport): number {
    const known = this.#transports.indexOf(transport)
    return known === -1 ? this.#transports.push(transport) - 1 : known
  }

  /** What is remembered of these Call-IDs, in the order it happened. */
  find(callIds: readonly string[]): SipTrace {
    const found: { entry: number; callId: string }[] = []
    let leftOut = 0
    for (const callId of new Set(callIds)) {
      const call = this.#calls.get(callId)
      if (call === undefined) continue
      leftOut += call.leftOut
      for (let entry = call.first; entry !== NONE; entry = this.#following[entry % this.#size]!)
        found.push({ entry, callId })
    }
    found.sort((a, b) => a.entry - b.entry)
    const seen = new Set<string>()
    leftOut += found.splice(this.#limits.maxAnswer).length
    return { messages: found.map(({ entry, callId }) => this.#read(entry, callId, seen)), leftOut }
  }

  /**
   * Writes stars over what the expression matches in every message, and over the signatures of those messages (RFC 8224: a number stands
   * in them too). Answers how many messages it was in.
   */
  mask(pattern: string): number {
    const says = new RegExp(pattern, 'g')
    let masked = 0
    for (let entry = this.#oldest; entry < this.#next; entry++) {
      const at = entry % this.#size
      const start = this.#offset[at]! + this.#hostLength[at]!
      const raw = this.#ring.toString('latin1', start, start + this.#length[at]!)
      const clean = raw.replace(says, stars)
      if (clean === raw) continue
      this.#ring.write(clean.replace(SIGNATURES, stars), start, 'latin1')
      masked++
    }
    return masked
  }

  #read(entry: number, callId: string, seen: Set<string>): TracedMessage {
    const at = entry % this.#size
    const start = this.#offset[at]! + this.#hostLength[at]!
    const host = this.#ring.toString('latin1', this.#offset[at], start)
    const raw = this.#ring.toString('latin1', start, start + this.#length[at]!)
    const transport = this.#transports[this.#kind[at]! >> 1]!
    const direction = this.#kind[at]! % 2 === 0 ? 'in' : 'out'
    const key = `${direction} ${raw}`
    const isRetransmission = seen.has(key)
    seen.add(key)
    return {
      callId,
      atMs: this.#atMs[at]!,
      direction,
      transport: transport.name,
      local: localEndpoint(transport, host),
      remote: { host: plainHost(host), port: this.#port[at]! },
      text: maskSecrets(raw),
      isRetransmission,
    }
  }
}
