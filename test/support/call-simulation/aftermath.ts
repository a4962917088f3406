import type { Engine } from '../../../gateway/sip-server/engine.ts'
import type { VirtualTime } from '../sip-simulation/network.ts'
import type { VirtualGlobals } from './virtual-globals.ts'

/** When the last call has begun for certain, however often its INVITE was lost. */
const LAST_BEGINNING_MS = 80_000
/** What a call that is over may still have to say and to clear. */
const LAST_WORDS_MS = 500
/** Frames and the like are gathered for so long at most, whatever they are about. */
const GATHERING_MS = 50
/** The SIP server forgets it within so long: a BYE that nobody answers, and what may still be repeated. */
const SIP_MS = 100_000

/** Sees what is left when all calls are over, and whether it goes in its time. */
export class Aftermath {
  readonly faults: string[] = []
  readonly #time: VirtualTime
  readonly #globals: VirtualGlobals
  /** The exchange's own, and those of everybody else. */
  readonly #sip: Engine
  readonly #others: readonly Engine[]
  readonly #areCallsOver: () => boolean
  /** Whether the exchange can say BYE to everybody: not while its connection to the SIP server is away. */
  readonly #isHeard: () => boolean
  #overAtMs: number | null = null
  #hasSeenSip = false

  constructor(options: {
    readonly time: VirtualTime
    readonly globals: VirtualGlobals
    readonly sip: Engine
    readonly others: readonly Engine[]
    readonly areCallsOver: () => boolean
    readonly isHeard: () => boolean
  }) {
    this.#time = options.time
    this.#globals = options.globals
    this.#sip = options.sip
    this.#others = options.others
    this.#areCallsOver = options.areCallsOver
    this.#isHeard = options.isHeard
  }

  /** No call is live, for now: whatever the exchange did for them must have an end. */
  idle(): void {
    this.#time.in(LAST_WORDS_MS, () => {
      if (this.#areCallsOver()) this.#lookAround()
    })
  }

  #lookAround(): void {
    if (!this.#isHeard()) return
    this.#lookForTimers()
    for (const { method, state, isLeaving, callId } of this.#sip.core.dialogs.all())
      if (method === 'INVITE' && state === 'confirmed' && !isLeaving)
        this.faults.push(`nobody has said BYE in the dialog ${callId}, and all calls are over`)
  }

  /** Whether nothing more can happen. Asked again and again. */
  readonly isQuiet = (): boolean => {
    const { nowMs, pending } = this.#time
    if (nowMs < LAST_BEGINNING_MS || !this.#areCallsOver()) return false
    const overForMs = nowMs - (this.#overAtMs ??= nowMs)
    if (overForMs > SIP_MS) this.#lookAtSip()
    return (
      (this.#hasSeenSip || this.#globals.timeouts.length === 0) &&
      pending === this.#globals.armed.size &&
      [this.#sip, ...this.#others].every(isEmpty)
    )
  }

  #lookForTimers(): void {
    for (const { armedAt, delayMs } of this.#globals.timeouts)
      if (delayMs > GATHERING_MS) this.faults.push(`a timer of the exchange outlives all calls ${armedAt}`)
  }

  #lookAtSip(): void {
    if (this.#hasSeenSip) return
    this.#hasSeenSip = true
    this.#lookForTimers()
    const { dialogs, transactions } = this.#sip.core
    if (dialogs.size > 0) this.faults.push(`${dialogs.size} dialogs outlive all calls by ${SIP_MS} ms`)
    // Those that are answered stay for late repetitions; a peer's last word may have come just now.
    if (transactions.open > 0) this.faults.push(`${transactions.open} transactions outlive all calls by ${SIP_MS} ms`)
  }
}

function isEmpty({ core }: Engine): boolean {
  return core.dialogs.size === 0 && core.transactions.remembered === 0 && core.wheel.armed === 0
}

/** What is left in a SIP server for ever. */
export function leftInEngine(host: string, { core }: Engine): string[] {
  const { wheel, dialogs, transactions, counters } = core
  const left: string[] = []
  if (wheel.armed > 0) left.push(`${host}: ${wheel.armed} timers are left`)
  if (dialogs.size > 0) left.push(`${host}: ${dialogs.size} dialogs are left`)
  if (transactions.remembered > 0) left.push(`${host}: ${transactions.remembered} transactions are left`)
  if (transactions.open !== 0 || transactions.lingering !== 0)
    left.push(`${host}: miscounted: ${transactions.open} open, ${transactions.lingering} lingering`)
  if (counters.internalErrors > 0) left.push(`${host}: ${counters.internalErrors} internal errors`)
  return left
}
