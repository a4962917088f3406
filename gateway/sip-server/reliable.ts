import type { Core } from './core.ts'
import type { SipMessage } from './message.ts'
import type { TimerEntry, TimerOwner } from './timer-wheel.ts'
import { timerMs } from './timers.ts'
import type { ReliableAnswers, ServerTransaction } from './state.ts'

/** A provisional response to be acknowledged, written but for the moment it goes out. */
interface Provisional {
  readonly rseq: number
  readonly status: number
  readonly text: string
  readonly hasSession: boolean
}

/** Whether an answer of the application asks to be sent reliably. */
export function wantsReliability(answer: SipMessage): boolean {
  return answer.status > 100 && answer.status < 200 && hasOption(answer, 'require')
}

/** Whether the caller can acknowledge provisional responses (RFC 3262 §3). */
export function supportsReliability(invite: SipMessage): boolean {
  return hasOption(invite, 'supported') || hasOption(invite, 'require')
}

function hasOption(message: SipMessage, key: string): boolean {
  return message.getAll(key).some((value) => value.toLowerCase() === '100rel')
}

/**
 * The reliable provisional responses of one INVITE (RFC 3262 §3): numbered, one at a time on the way, each repeated until its
 * PRACK, and the INVITE given up when none comes.
 */
export class ReliableProvisionals implements ReliableAnswers, TimerOwner {
  readonly #core: Core
  readonly #transaction: ServerTransaction
  /** The INVITE's, which the PRACK names; the request itself is dropped when it is answered. */
  readonly #cseq: number
  readonly #giveUp: () => void
  #nextRseq: number
  readonly #queue: Provisional[] = []
  #firings = 0
  #held: { readonly send: () => void; readonly drop: () => void } | null = null
  #isStopped = false
  #repeatTimer: TimerEntry | null = null
  #giveUpTimer: TimerEntry | null = null

  /** `giveUp` is called when a response was not acknowledged for 64*T1. */
  constructor(core: Core, transaction: ServerTransaction, cseq: number, giveUp: () => void) {
    this.#core = core
    this.#transaction = transaction
    this.#cseq = cseq
    this.#giveUp = giveUp
    this.#nextRseq = core.chance.below(2 ** 30) + 1
  }

  /** The number for the next response's RSeq. */
  takeNumber(): number {
    return this.#nextRseq++
  }

  /** Sends a response, at once or when those before it are acknowledged. */
  send(rseq: number, status: number, text: string, hasSession: boolean): void {
    this.#queue.push({ rseq, status, text, hasSession })
    if (this.#queue.length === 1) this.#sendFirst()
  }

  #sendFirst(): void {
    const first = this.#queue[0]
    if (first === undefined) return
    const { transactions, wheel, timers } = this.#core
    transactions.respond(this.#transaction, first.status, first.text)
    this.#firings = 0
    this.#repeatTimer = wheel.arm(timers.t1Ms, this, 'repeat')
    this.#giveUpTimer = wheel.arm(timers.giveUpMs, this, 'give-up')
  }

  get hasOpenSession(): boolean {
    return this.#queue.some((each) => each.hasSession)
  }

  get isHolding(): boolean {
    return this.#held !== null
  }

  get isFull(): boolean {
    return this.#queue.length >= this.#core.limits.maxProvisionals
  }

  hold(send: () => void, drop: () => void): void {
    this.#held = { send, drop }
  }

  #release(): void {
    const held = this.#held
    this.#held = null
    held?.send()
  }

  /** Takes a PRACK; false when it acknowledges nothing that waits: 481 (§3). */
  acknowledge(prack: SipMessage): boolean {
    const [rseq, cseq, method] = (prack.get('rack') ?? '').trim().split(/\s+/)
    const first = this.#queue[0]
    if (first === undefined || Number(rseq) !== first.rseq || Number(cseq) !== this.#cseq || method !== 'INVITE')
      return false
    this.#stopTimers()
    this.#queue.shift()
    if (this.#isStopped) return true
    this.#sendFirst()
    if (!this.hasOpenSession) this.#release()
    return true
  }

  onTimer(name: string): void {
    const first = this.#queue[0]
    if (first === undefined) return
    if (name === 'give-up') {
      this.#giveUp()
      return
    }
    const { wheel, timers, counters } = this.#core
    const { target } = this.#transaction
    counters.retransmissionsSent++
    target.transport.send(first.text, target, null)
    // §3: the interval doubles, and is not capped at T2.
    this.#repeatTimer = wheel.arm(timerMs(timers, 'A', ++this.#firings, false), this, 'repeat')
  }

  /** The INVITE has its final answer: what is on its way may still be acknowledged, what waited is not sent any more. */
  stop(): void {
    this.#isStopped = true
    this.#stopTimers()
    this.#queue.length = Math.min(1, this.#queue.length)
    this.#held?.drop()
    this.#held = null
  }

  #stopTimers(): void {
    this.#repeatTimer?.cancel()
    this.#giveUpTimer?.cancel()
  }
}
