import { Socket } from 'node:net'
import type { Dice } from '../../simulation/dice.ts'
import type { VirtualTime } from '../sip-simulation/network.ts'

const MOST_DELAY_MS = 4

/**
 * One end of a connection within the simulation: bytes arrive whole, in order and a little later, some together with those before
 * them. drachtio-srf insists on a Socket by its class; of that class nothing else is used.
 */
class MemorySocket extends Socket {
  /** The other end. */
  peer: MemorySocket | null = null
  /** Told what was written here and has not arrived when the connection broke, or was written since. */
  onLost: (text: string) => void = () => undefined
  readonly #time: VirtualTime
  readonly #dice: Dice
  readonly #stir: () => void
  #corked = 0
  #outgoing: Buffer[] = []
  /** On their way to the other end, each with its time. */
  readonly #onTheWay: { readonly atMs: number; readonly bytes: Buffer }[] = []
  #lastMs = 0
  #isClosed = false

  constructor(time: VirtualTime, dice: Dice, stir: () => void) {
    super()
    this.#time = time
    this.#dice = dice
    this.#stir = stir
  }

  override cork(): void {
    this.#corked++
  }

  override uncork(): void {
    this.#corked = Math.max(0, this.#corked - 1)
    if (this.#corked === 0) this.#flush()
  }

  // oxlint-disable-next-line typescript/no-explicit-any -- Socket's own overloads.
  override write(text: string | Uint8Array, encoding?: any, written?: any): boolean {
    const bytes =
      typeof text === 'string' ? Buffer.from(text, typeof encoding === 'string' ? 'latin1' : 'utf8') : Buffer.from(text)
    if (this.#isClosed) {
      this.onLost(bytes.toString())
      return false
    }
    this.#outgoing.push(bytes)
    const done = typeof encoding === 'function' ? encoding : written
    if (typeof done === 'function') queueMicrotask(() => done())
    if (this.#corked === 0) this.#flush()
    return true
  }

  #flush(): void {
    if (this.#outgoing.length === 0) return
    const bytes = Buffer.concat(this.#outgoing)
    this.#outgoing = []
    const atMs = Math.max(this.#time.nowMs + this.#dice.roll(MOST_DELAY_MS), this.#lastMs)
    this.#lastMs = atMs
    this.#onTheWay.push({ atMs, bytes })
    this.#time.in(atMs - this.#time.nowMs, () => this.#arrive())
  }

  #arrive(): void {
    const together = this.#dice.onceIn(2)
    const arrived: Buffer[] = []
    while (this.#onTheWay.length > 0 && this.#onTheWay[0]!.atMs <= this.#time.nowMs) {
      arrived.push(this.#onTheWay.shift()!.bytes)
      if (!together) break
    }
    if (arrived.length === 0 || this.#isClosed) return
    this.#stir()
    this.peer?.emit('data', Buffer.concat(arrived))
  }

  // oxlint-disable-next-line typescript/no-explicit-any -- as above.
  override end(..._args: any[]): this {
    this.#close()
    return this
  }

  override destroy(): this {
    this.#close()
    return this
  }

  /** Both ends learn of it later, and what was on its way is lost. */
  #close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#lose()
    if (this.peer) this.peer.#lose()
    for (const end of [this, this.peer])
      this.#time.in(1, () => {
        this.#stir()
        end?.finish()
      })
    if (this.peer) this.peer.#isClosed = true
  }

  #lose(): void {
    const lost = [...this.#onTheWay.splice(0).map(({ bytes }) => bytes), ...this.#outgoing.splice(0)]
    if (lost.length > 0) this.onLost(Buffer.concat(lost).toString())
  }

  /** Emits `close`. */
  finish(): void {
    super.destroy()
  }

  override setTimeout(): this {
    return this
  }
}

/** A connection; both ends are open once `client` emits `connect`, which whoever made it arranges. */
export function connection(
  time: VirtualTime,
  dice: Dice,
  stir: () => void,
): { client: MemorySocket; server: MemorySocket } {
  const [client, server] = [new MemorySocket(time, dice, stir), new MemorySocket(time, dice, stir)]
  client.peer = server
  server.peer = client
  return { client, server }
}
