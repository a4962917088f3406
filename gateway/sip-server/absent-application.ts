import type { Application, Shown } from './application.ts'
import type { Core } from './core.ts'
import type { SipMessage } from './message.ts'
import type { Dialog } from './state.ts'
import type { TimerEntry, TimerOwner } from './timer-wheel.ts'
import type { Peer } from './transport.ts'
import type { UasAnswers } from './uas-answers.ts'

/** How long a peer should wait that asked when nobody was there and too many waited already, seconds. */
const RETRY_AFTER_S = '5'

/** The owner of dialogs whose application lost its connection: what it would be shown waits here for its return. */
export class AbsentApplication implements Application, TimerOwner {
  /** Requests are taken as ever; they only wait. */
  readonly isOpen = true
  readonly identity: string
  graceTimer: TimerEntry | null = null
  /** Those that wait for it; some may have ended meanwhile. */
  readonly dialogs = new Set<Dialog>()
  readonly #core: Core
  readonly #answers: UasAnswers
  readonly #expire: () => void
  readonly #held: Shown[] = []
  /** Dialogs that ended meanwhile, told to whoever comes back: one for each dialog at most. */
  readonly #ends: Shown[] = []

  constructor(core: Core, identity: string, answers: UasAnswers, expire: () => void) {
    this.#core = core
    this.identity = identity
    this.#answers = answers
    this.#expire = expire
  }

  /** Whether anything still waits for it. */
  isMissed(): boolean {
    return this.#ends.length > 0 || this.dialogs.size > 0
  }

  show(shown: Shown): number {
    const { message } = shown
    if (shown.transactionId === 'unsolicited') this.#ends.push(shown)
    else if (message.method === 'BYE') this.#takeBye(shown)
    else if (this.#held.length < this.#core.limits.maxHeldRequests) this.#held.push(shown)
    else if (message.method !== 'ACK') this.#answer(shown, 480, { 'Retry-After': RETRY_AFTER_S })
    return -1
  }

  /** The call is over for the peer whatever the application would say. */
  #takeBye(shown: Shown): void {
    this.#answer(shown, 200)
    this.tellEnd(shown.dialogId, shown.message, shown.peer)
  }

  tellEnd(dialogId: string, message: SipMessage, peer: Peer | null): void {
    this.#ends.push({
      source: 'application',
      peer,
      protocol: peer?.transport.name ?? '',
      transactionId: 'unsolicited',
      dialogId,
      receivedOn: null,
      message,
      afterFlush: -1,
    })
  }

  tellEnds(app: Application): void {
    for (const end of this.#ends) app.show(end)
  }

  /** Its application has this dialog again, and is shown what waited. */
  release(dialog: Dialog, app: Application): void {
    this.dialogs.delete(dialog)
    const mine = this.#held.filter((shown) => shown.dialogId === dialog.id)
    for (const shown of mine) {
      this.#held.splice(this.#held.indexOf(shown), 1)
      const transaction = this.#core.transactions.findServer(shown.transactionId)
      if (shown.message.method !== 'ACK') {
        // Its sender may have given up meanwhile.
        if (transaction === undefined || transaction.isAnswered) continue
        transaction.owner = app
      }
      app.show(shown)
    }
  }

  /** Nobody came. */
  refuseAll(): void {
    for (const shown of this.#held.splice(0)) this.#answer(shown, 481)
  }

  #answer(shown: Shown, status: number, headers: Record<string, string> = {}): void {
    const transaction = this.#core.transactions.findServer(shown.transactionId)
    if (transaction !== undefined && !transaction.isAnswered && transaction.method === shown.message.method)
      this.#answers.answer(transaction, status, headers)
  }

  onTimer(): void {
    this.#expire()
  }

  /** It asks for nothing, so nothing is answered. */
  echo(): number {
    return -1
  }

  refuse(): void {}

  tellProxied(): void {}

  finishProxied(): void {}

  tellCdr(): void {}
}
