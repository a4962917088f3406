import assert from 'node:assert/strict'
import type { PortPool } from './port-pool.ts'
import { bindPair, closePair, type SocketPair } from './relay-socket.ts'
import { RestingPairs } from './resting-pairs.ts'

/** A thread with few ports keeps fewer ready: this share of them. */
const READY_SHARE = 16
/** Below so many times the reserve the ports are kept for whoever asks, at whatever address. */
const PLENTY = 4
/** Bound in one turn, a call's: the audio of others waits for no more. */
const BOUND_A_TURN = 2
/** Of a thread's ports the share that may rest bound. */
const RESTING_SHARE = 2
/** How often those are looked at that rest, ms, and how many are closed at a time. */
const LOOK_MS = 100
const CLOSED_A_LOOK = 64
/** Of those that rest bound so many are tried for a call that finds nothing else. */
const TRIES = 4

const NO_PORT = 'no free RTP port'
/** What a closed pair may help against. */
const LACKS = new Set([NO_PORT, 'no socket: EMFILE', 'no socket: ENFILE'])

/**
 * One thread's pairs of sockets. Some are bound before they are asked for, so that no call waits for it: they are told to whoever
 * creates sessions, who gives them to a call without asking (`take`) or gives them up (`release`). Until then what comes there is dropped. Where calls end by the
 * dozen their pairs stay bound for others (`RestingPairs`).
 */
export class SocketPairs {
  readonly #pool: PortPool
  readonly #ready = new Map<string, Map<number, SocketPair>>()
  readonly #resting: RestingPairs
  readonly #limit: number
  readonly #tell: (address: string, port: number) => void
  #filling: NodeJS.Immediate | null = null
  #isLooking = false

  /** `limit`: pairs kept ready at each of the addresses; `tell` is called for each that is. */
  constructor(
    pool: PortPool,
    addresses: readonly string[],
    limit: number,
    tell: (address: string, port: number) => void,
  ) {
    this.#pool = pool
    this.#limit = Math.min(limit, Math.floor(pool.size / READY_SHARE))
    this.#tell = tell
    this.#resting = new RestingPairs(pool.quietMs, Math.floor(pool.size / RESTING_SHARE))
    for (const address of addresses) this.#ready.set(address, new Map())
  }

  /** The next free pair, passing over those another program holds; or why there is none. */
  open(address: string): SocketPair | string {
    const rested = this.#resting.take(address)
    if (rested) return rested
    let opened = this.#bind(address)
    // What rests at another address may have the last ports, and the last descriptors.
    for (let i = 0; i < TRIES && typeof opened === 'string' && LACKS.has(opened); i++) {
      const other = this.#resting.takeAny(performance.now())
      if (!other) break
      this.abandon(other)
      opened = this.#bind(address)
    }
    return opened
  }

  #bind(address: string): SocketPair | string {
    for (let tries = this.#pool.free; tries > 0; tries--) {
      const port = this.#pool.take(performance.now())
      if (port === null) break
      const pair = bindPair(address, port)
      if (typeof pair !== 'string') return pair
      this.#pool.give(port, performance.now())
      if (pair !== 'EADDRINUSE') return `no socket: ${pair}`
    }
    return NO_PORT
  }

  /** A pair that was told as ready: once. */
  take(address: string, port: number): SocketPair {
    const ready = this.#ready.get(address)
    const pair = ready?.get(port)
    assert(ready && pair, 'a ready pair is taken once')
    ready.delete(port)
    this.fill()
    return pair
  }

  /** A ready pair is not wanted: it may be bound at any address at once. */
  release(address: string, port: number): void {
    const pair = this.#ready.get(address)?.get(port)
    assert(pair, 'a ready pair is released once')
    this.#ready.get(address)!.delete(port)
    this.abandon(pair)
  }

  /** Closes a pair that nobody was told of: its port need not rest. */
  abandon(pair: SocketPair): void {
    closePair(pair)
    this.#pool.giveUnused(pair.port)
  }

  /** A call has left its pair: its port rests. */
  give(pair: SocketPair): void {
    if (this.#resting.rest(pair, performance.now())) this.#lookSoon()
    else this.#close(pair, performance.now())
    this.fill()
  }

  #close(pair: SocketPair, sinceMs: number): void {
    closePair(pair)
    this.#pool.give(pair.port, sinceMs)
  }

  #lookSoon(): void {
    if (this.#isLooking) return
    this.#isLooking = true
    // Timers come before the sockets in a turn of the event loop, immediates right behind them.
    setTimeout(() => setImmediate(() => this.#look()), LOOK_MS).unref()
  }

  #look(): void {
    const nowMs = performance.now()
    this.#isLooking = false
    this.#resting.haveBeenRead(nowMs)
    // Their quiet time is over.
    for (const pair of this.#resting.takeOverdue(nowMs, CLOSED_A_LOOK)) this.#close(pair, nowMs - this.#pool.quietMs)
    if (this.#resting.size > 0) this.#lookSoon()
    this.fill()
  }

  /** Binds what the reserve lacks, a little a turn. */
  fill(): void {
    if (this.#filling !== null || !this.#hasPlenty) return
    if (!this.#addresses().some(([, ready]) => ready.size < this.#limit)) return
    this.#filling = setImmediate(() => {
      this.#filling = null
      if (this.#bindSome()) this.fill()
    })
  }

  /** False: there was nothing to bind with, and the next port given back tries again. */
  #bindSome(): boolean {
    for (let i = 0; i < BOUND_A_TURN; i++) {
      const [address, ready] = this.#addresses().toSorted((a, b) => a[1].size - b[1].size)[0]!
      if (ready.size >= this.#limit || !this.#hasPlenty) return false
      const pair = this.open(address)
      if (typeof pair === 'string') return false
      pair.rtp.on('error', () => {}) // Nobody's yet, so nobody's loss.
      pair.rtcp.on('error', () => {})
      ready.set(pair.port, pair)
      this.#tell(address, pair.port)
    }
    return true
  }

  get #hasPlenty(): boolean {
    return this.#pool.free + this.#resting.size > PLENTY * this.#limit
  }

  #addresses(): [address: string, ready: Map<number, SocketPair>][] {
    return [...this.#ready]
  }
}
