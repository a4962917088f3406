import type { Chance } from '../../../gateway/sip-server/chance.ts'
import type { Receiver, SendFailed, Transport, Peer } from '../../../gateway/sip-server/transport.ts'
import { isParseFailure, parseMessage } from '../../../gateway/sip-server/wire-format.ts'
import type { SipMessage } from '../../../gateway/sip-server/message.ts'
import type { Dice } from '../../simulation/dice.ts'

/** What a network does to its messages. */
export interface Weather {
  readonly transport: 'udp' | 'tcp'
  readonly lossPercent: number
  readonly duplicatePercent: number
  readonly minDelayMs: number
  readonly maxDelayMs: number
}

/** Something that lives on the network's time. */
interface Clocked {
  advanceTo(nowMs: number): void
}

/** Something that is to happen; `cancel` in `VirtualTime` forgets it. */
export interface Happening {
  readonly atMs: number
  readonly order: number
  /** Null: it will not. */
  happen: (() => void) | null
}

/** A time that only the simulation moves, and what is to happen in it. */
export class VirtualTime {
  nowMs = 0
  readonly #tickMs: number
  readonly #clocked: Clocked[] = []
  /** A binary heap, the next first. */
  readonly #heap: Happening[] = []
  #order = 0
  #pending = 0

  constructor(tickMs: number) {
    this.#tickMs = tickMs
  }

  add(clocked: Clocked): void {
    this.#clocked.push(clocked)
  }

  /** How much is still to happen. */
  get pending(): number {
    return this.#pending
  }

  cancel(happening: Happening): void {
    if (happening.happen === null) return
    happening.happen = null
    this.#pending--
  }

  in(delayMs: number, happen: () => void): Happening {
    const heap = this.#heap
    this.#pending++
    const added: Happening = { atMs: this.nowMs + delayMs, order: this.#order++, happen }
    let i = heap.length
    heap.push(added)
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!isBefore(added, heap[parent]!)) break
      heap[i] = heap[parent]!
      i = parent
    }
    heap[i] = added
    return added
  }

  #next(): Happening {
    const heap = this.#heap
    const first = heap[0]!
    const last = heap.pop()!
    if (heap.length === 0) return first
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, last)) break
      heap[i] = heap[child]!
      i = child
    }
    heap[i] = last
    return first
  }

  /** Goes on until nothing is to come and `isQuiet`, or until `untilMs`. */
  run(untilMs: number, isQuiet: () => boolean): void {
    for (const _ of this.#play(untilMs, () => this.#pending === 0 && isQuiet()));
  }

  /** The same for code that waits for promises: after each happening `settle` may let them come true. Ends when `isQuiet`. */
  async runSettling(untilMs: number, isQuiet: () => boolean, settle: () => Promise<void> | null): Promise<void> {
    for (const _ of this.#play(untilMs, isQuiet)) {
      const settled = settle()
      if (settled !== null) await settled
    }
  }

  *#play(untilMs: number, isQuiet: () => boolean): Generator<void> {
    let tick = Math.floor(this.nowMs / this.#tickMs)
    while (this.nowMs < untilMs) {
      const tickAtMs = (tick + 1) * this.#tickMs
      while (this.#heap.length > 0 && this.#heap[0]!.atMs <= tickAtMs) {
        const next = this.#next()
        if (next.happen === null) continue
        this.nowMs = next.atMs
        this.#pending--
        const { happen } = next
        next.happen = null
        happen()
        yield
      }
      tick++
      this.nowMs = tickAtMs
      for (const each of this.#clocked) each.advanceTo(tickAtMs)
      if (tick % 100 === 0 && isQuiet()) return
    }
  }
}

function isBefore(a: Happening, b: Happening): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}

/** Seeded names. */
export function chanceOf(dice: Dice): Chance {
  const token = (length: number): string => {
    let text = ''
    while (text.length < length)
      text += dice
        .roll(2 ** 32)
        .toString(16)
        .padStart(8, '0')
    return text.slice(0, length)
  }
  return { token, uuid: () => `${token(8)}-${token(8)}`, below: (limit) => dice.roll(limit) }
}

/** A network that loses, doubles, delays and so reorders: seeded, and therefore always in the same way. */
export class Network {
  readonly time: VirtualTime
  readonly weather: Weather
  /** Told of every message as it is sent. */
  onSent: (from: string, text: string) => void = () => undefined
  onTrace: ((line: string) => void) | null = null
  readonly #dice: Dice
  readonly #places = new Map<string, { transport: Transport; receive: (message: SipMessage, peer: Peer) => void }>()
  /** Whose messages nobody sees any more, and who sees none. */
  readonly #vanished = new Set<string>()
  /** Streams keep their order: when the last message between two places arrives. */
  readonly #streams = new Map<string, number>()

  constructor(time: VirtualTime, weather: Weather, dice: Dice) {
    this.time = time
    this.weather = weather
    this.#dice = dice
  }

  /** A place on the network. `onMessage` of the receiver gets what arrives there. */
  place(host: string, receiver: Pick<Receiver, 'onMessage'>): Transport {
    const { transport: name } = this.weather
    const transport: Transport = {
      name,
      isReliable: name === 'tcp',
      host,
      port: 5060,
      send: (text: string, peer: Peer, onFailed: SendFailed | null) => this.#send(transport, text, peer, onFailed),
      close: () => Promise.resolve(),
    }
    this.#places.set(host, { transport, receive: (message, peer) => receiver.onMessage(message, peer) })
    return transport
  }

  /** Somebody is no longer there, without a word. */
  vanish(host: string): void {
    this.#vanished.add(host)
  }

  #send(from: Transport, text: string, peer: Peer, onFailed: SendFailed | null): void {
    this.onSent(from.host, text)
    const to = this.#places.get(peer.host)
    if (to === undefined) {
      this.#trace(from.host, peer.host, 'nobody there', text)
      // What UDP learns from ICMP, TCP from the refused connection: later, never within the call.
      if (onFailed !== null) this.time.in(1, () => onFailed.onSendFailed(new Error('nobody there')))
      return
    }
    if (this.#vanished.has(from.host) || this.#vanished.has(peer.host))
      return this.#trace(from.host, peer.host, 'VANISHED', text)
    const { lossPercent, duplicatePercent } = this.weather
    if (this.#dice.roll(100) < lossPercent) return this.#trace(from.host, peer.host, 'LOST', text)
    this.#deliver(from, to, text)
    if (this.#dice.roll(100) < duplicatePercent) this.#deliver(from, to, text)
  }

  #deliver(
    from: Transport,
    to: { transport: Transport; receive: (message: SipMessage, peer: Peer) => void },
    text: string,
  ): void {
    const { minDelayMs, maxDelayMs, transport } = this.weather
    let delayMs = minDelayMs + this.#dice.roll(maxDelayMs - minDelayMs + 1)
    if (transport === 'tcp') {
      const stream = `${from.host}>${to.transport.host}`
      const arrivesMs = Math.max(this.time.nowMs + delayMs, this.#streams.get(stream) ?? 0)
      this.#streams.set(stream, arrivesMs)
      delayMs = arrivesMs - this.time.nowMs
    }
    this.#trace(from.host, to.transport.host, `arrives in ${delayMs} ms`, text)
    this.time.in(delayMs, () => {
      if (this.#vanished.has(to.transport.host)) return
      const message = parseMessage(text)
      if (isParseFailure(message)) throw new Error(`a malformed message was sent (${message.reason}):\n${text}`)
      to.receive(message, { transport: to.transport, host: from.host, port: from.port, connection: null })
    })
  }

  #trace(from: string, to: string, fate: string, text: string): void {
    if (this.onTrace === null) return
    const startLine = text.slice(0, text.indexOf('\r\n'))
    const cseq = /^CSeq: (.*)\r$/m.exec(text)?.[1] ?? ''
    const rest = /^(RSeq|RAck): .*(?=\r$)/m.exec(text)?.[0] ?? ''
    this.onTrace(`${from} → ${to}  ${startLine}  [${cseq}] ${rest} ${fate}`)
  }
}
