import type { Core } from './core.ts'
import type { SipMessage } from './message.ts'
import type { OutsideRouter, Verdict } from './outside-router.ts'
import type { Proxy } from './proxy.ts'
import type { ServerTransaction } from './state.ts'
import type { Peer } from './transport.ts'
import type { UasAnswers } from './uas-answers.ts'

/** New requests that wait for somebody outside to say whose they are. */
export class OutsideRequests {
  readonly #core: Core
  readonly #answers: UasAnswers
  readonly #proxy: Proxy
  readonly #router: OutsideRouter
  readonly #onError: (error: unknown) => void
  #pending = 0

  constructor(core: Core, answers: UasAnswers, proxy: Proxy, router: OutsideRouter, onError: (error: unknown) => void) {
    this.#onError = onError
    this.#core = core
    this.#answers = answers
    this.#proxy = proxy
    this.#router = router
  }

  wants(method: string): boolean {
    return this.#router.wants(method)
  }

  /** Whether one more may wait. */
  hasRoom(): boolean {
    return this.#pending < this.#core.limits.maxPendingDecisions
  }

  /** Asks. `show` is called when the request has an application, which it is to be shown to. */
  take(transaction: ServerTransaction, source: Peer, show: () => void): void {
    const request = transaction.request!
    this.#pending++
    void this.#router.decide(request, source).then((verdict) => {
      this.#pending--
      try {
        this.#apply(transaction, request, verdict, show)
      } catch (error) {
        this.#onError(error)
      }
    })
  }

  #apply(transaction: ServerTransaction, request: SipMessage, verdict: Verdict, show: () => void): void {
    // Cancelled, or given up, meanwhile.
    if (transaction.isAnswered || transaction.state === 'terminated') {
      if ('app' in verdict) verdict.abandon()
      return
    }
    if ('app' in verdict) {
      transaction.owner = verdict.app
      show()
    } else this.#settle(transaction, request, verdict)
  }

  #settle(transaction: ServerTransaction, request: SipMessage, verdict: Exclude<Verdict, { app: unknown }>): void {
    switch (verdict.action) {
      case 'reject':
        return this.#refuse(transaction, verdict.status, {}, verdict.reason)
      case 'redirect':
        return this.#refuse(transaction, 302, { Contact: verdict.contacts.map(bracketed).join(', ') }, 'Moved')
      case 'proxy':
        if (!this.#proxy.takes(transaction, request, verdict.command)) this.#refuse(transaction, 500, {}, '')
    }
  }

  #refuse(transaction: ServerTransaction, status: number, headers: Record<string, string>, reason: string): void {
    if (reason === '') this.#answers.answer(transaction, status, headers)
    else this.#answers.answer(transaction, status, headers, reason)
  }
}

function bracketed(contact: string): string {
  return contact.includes('<') ? contact : `<${contact}>`
}
