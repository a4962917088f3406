import { Absences } from './absences.ts'
import type { ApplicationRouter } from './application.ts'
import { CdrEvents } from './cdr-events.ts'
import type { Chance } from './chance.ts'
import type { SipActions } from './control-connection.ts'
import type { Core } from './core.ts'
import { Dialogs } from './dialogs.ts'
import type { Guard } from './guard.ts'
import type { Dns } from './dns.ts'
import { Flows, observeConnection } from './flows.ts'
import { HangUp } from './hang-up.ts'
import type { SipServerLimits } from './limits.ts'
import { Locator } from './locate.ts'
import { OutsideRequests } from './outside-requests.ts'
import type { OutsideRouter } from './outside-router.ts'
import type { Overload } from './overload.ts'
import { Parties } from './parties.ts'
import { Proxy } from './proxy.ts'
import type { ParseFailure, SipMessage } from './message.ts'
import type { ClientTransaction, Dialog } from './state.ts'
import { SessionTimers } from './session-timers.ts'
import { Counters } from './stats.ts'
import { TimerWheel } from './timer-wheel.ts'
import { timersFrom } from './timers.ts'
import type { TimerValues } from './timers.ts'
import { Transactions } from './transactions.ts'
import type { TransactionUser } from './transactions.ts'
import { forgetForgery } from './tls-identity.ts'
import { chooseTransport } from './transport.ts'
import type { Connection, Peer, Receiver } from './transport.ts'
import { UacAnswers } from './uac-answers.ts'
import type { Reading } from './unread.ts'
import { Understanding } from './understanding.ts'
import type { Understood } from './understanding.ts'
import { Uac } from './uac.ts'
import { UasAnswers } from './uas-answers.ts'
import { UasInDialog } from './uas-in-dialog.ts'
import { Uas } from './uas.ts'

export interface EngineOptions {
  readonly limits: SipServerLimits
  readonly timers: TimerValues
  readonly dns: Dns
  readonly largeRequests: 'tcp' | 'udp'
  readonly publicAddresses: readonly string[]
  readonly router: ApplicationRouter
  /** Who says whose a request is that has a handler; null: there are no handlers. */
  readonly outside: OutsideRouter | null
  readonly chance: Chance
  /** Null: every source may send what it likes. */
  readonly understands?: Understood | undefined
  readonly asksForEnds?: boolean
  readonly guard: Guard | null
  /** Null: new calls are never turned away for lateness. */
  readonly overload: Overload | null
  /** Who counts what transports read; absent: nobody. */
  readonly reading?: Reading
  /** The time the timers start from, milliseconds. */
  readonly nowMs: number
  readonly onLog: (level: 'info' | 'warn', message: string) => void
}

/**
 * What lies between transports and applications (RFC 3261 §5): transactions, dialogs and user agents. It opens no socket and
 * reads no clock, so that a simulation runs the very same code on a time and a network of its own.
 */
export class Engine implements Receiver, TransactionUser {
  readonly core: Core
  /** What applications may ask of it. */
  readonly actions: SipActions
  readonly reading: Reading | undefined
  readonly #hangUp: HangUp
  readonly #sessions: SessionTimers
  readonly #uas: Uas
  readonly #uasAnswers: UasAnswers
  readonly #uacAnswers: UacAnswers
  readonly #proxy: Proxy
  readonly #log: EngineOptions['onLog']
  #isFailing = false

  constructor(options: EngineOptions) {
    this.#log = options.onLog
    this.reading = options.reading
    const timers = timersFrom(options.timers)
    const wheel = new TimerWheel(Math.min(50, Math.max(2, timers.t1Ms / 10)), options.nowMs, (error) =>
      this.onInternalError(error),
    )
    const counters = new Counters()
    const parties = new Parties(options.limits.maxPartySeries)
    this.core = {
      timers,
      wheel,
      chance: options.chance,
      counters,
      parties,
      limits: options.limits,
      transports: [],
      // RFC 3261 §15.1.2: whoever ended the dialog, what is still open in it is over.
      dialogs: new Dialogs(
        (invite) => this.#uasAnswers.orphanInvite(invite),
        (invite) => this.#uacAnswers.cancelByItself(invite),
      ),
      largeRequests: options.largeRequests,
      locator: new Locator({
        dns: options.dns,
        limits: options.limits,
        canSend: (transport, family) =>
          chooseTransport(this.core.transports, transport, family === 4 ? '0.0.0.0' : '::') !== null,
        nowMs: () => wheel.nowMs,
        below: (limit) => options.chance.below(limit),
      }),
      publicAddresses: options.publicAddresses,
      flows: new Flows(options.limits, counters),
      router: options.router,
      cdr: new CdrEvents(options.router),
      transactions: new Transactions(timers, wheel, counters, parties, options.chance, this),
      asksForEnds: options.asksForEnds ?? false,
      understanding: options.understands === undefined ? null : new Understanding(options.understands),
      guard: options.guard,
      overload: options.overload,
    }
    const dialogRunner = { dialogTimer: (dialog: Dialog, name: string) => this.#onDialogTimer(dialog, name) }
    this.#hangUp = new HangUp(this.core)
    this.#sessions = new SessionTimers(this.core, this.#hangUp)
    this.#uasAnswers = new UasAnswers(this.core, dialogRunner, this.#sessions)
    const uacAnswers = new UacAnswers(this.core, dialogRunner, this.#hangUp, this.#sessions)
    this.#uacAnswers = uacAnswers
    const inDialog = new UasInDialog(this.core, this.#uasAnswers, (invite) => uacAnswers.cancelByItself(invite))
    this.#proxy = new Proxy(this.core, this.#uasAnswers, uacAnswers)
    const { outside } = options
    this.#uas = new Uas(
      this.core,
      this.#uasAnswers,
      inDialog,
      outside === null
        ? null
        : new OutsideRequests(this.core, this.#uasAnswers, this.#proxy, outside, (error) =>
            this.onInternalError(error),
          ),
    )
    this.actions = this.#createActions()
  }

  #createActions(): SipActions {
    const uac = new Uac(this.core, this.#uacAnswers)
    const uas = this.#uasAnswers
    const { dialogs, overload } = this.core
    const absences = new Absences(this.core, this.#hangUp, uas, this.#uacAnswers)
    return {
      respond: (app, frameId, transactionId, response) => {
        overload?.reacted(transactionId)
        if (!absences.takeAnswer(app, frameId, transactionId, response))
          uas.respond(app, frameId, transactionId, response)
      },
      sendInDialog: (app, frameId, dialogId, request) => {
        if (request.method === 'ACK') overload?.reacted(dialogId)
        absences.claim(app, dialogId)
        uac.sendInDialog(app, frameId, dialogId, request)
      },
      cancel: (...args) => uac.cancel(...args),
      sendNew: (...args) => uac.sendNew(...args),
      proxy: (app, frameId, command, extra) => {
        overload?.reacted(command.transactionId)
        this.#proxy.proxy(app, frameId, command, extra)
      },
      dialogOfCall: (_app, request) => dialogs.findForAppRequest(request)?.id ?? '',
      onInternalError: (error) => this.onInternalError(error),
      opened: (app) => absences.arrive(app),
      closed: (app) => {
        overload?.applicationClosed()
        absences.leave(app)
      },
    }
  }

  admits(host: string): boolean {
    const { guard } = this.core
    return guard === null || guard.admits(host)
  }

  restMs(host: string): number {
    return this.core.guard?.restMs(host) ?? 0
  }

  vouchesFor(host: string): boolean {
    const { guard } = this.core
    return guard === null || guard.vouchesFor(host)
  }

  takesKeepAlive(host: string): boolean {
    const { guard } = this.core
    return guard === null || guard.takesKeepAlive(host)
  }

  onMessage(message: SipMessage, peer: Peer): void {
    const { counters, transactions, guard } = this.core
    counters.countReceived(message.method, message.status, peer.transport.name)
    const strays = counters.dropped
    forgetForgery(message)
    try {
      if (peer.connection !== null) observeConnection(message, peer, this.core.limits)
      if (!message.isRequest) transactions.receiveResponse(message, peer)
      else if (guard === null || this.#isAdmitted(guard, message, peer)) transactions.receiveRequest(message, peer)
    } catch (error) {
      this.onInternalError(error)
    }
    if (guard !== null && counters.dropped > strays) guard.strayed(peer.host, peer.connection !== null)
  }

  #isAdmitted(guard: Guard, request: SipMessage, { host, connection }: Peer): boolean {
    // An ACK is never answered; one that belongs to nothing is counted when that is known.
    if (request.method === 'ACK') return true
    const isInDialog =
      request.toTag !== '' && (this.core.dialogs.findForRequest(request) !== undefined || this.#proxy.owns(request))
    return guard.admitsRequest(request, host, isInDialog, connection !== null)
  }

  /** A bug of ours met by one message: the calls beside it go on. */
  onInternalError(error: unknown): void {
    this.core.counters.internalErrors++
    this.#log('warn', `internal error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  }

  onParseFailure(failure: ParseFailure, peer: Peer): void {
    const { counters, guard } = this.core
    counters.parseFailures++
    if (guard !== null && !guard.takesMalformed(peer.host, peer.connection !== null)) return
    const { status, partial } = failure
    // Without a Via there is nowhere to answer to; an ACK and a response are never answered.
    if (status === null || partial === null || partial.topVia === null || !partial.isRequest) {
      counters.dropped++
      return
    }
    this.#uas.respondStatelessly(partial, peer, status, failure.reason)
  }

  onSendError(error: Error): void {
    this.core.counters.sendErrors++
    // One line for the first: a peer that is gone would fill the log.
    if (this.core.counters.sendErrors === 1) this.#log('warn', `sending failed: ${error.message}`)
  }

  onConnectionClosed(connection: Connection): void {
    this.core.flows.forget(connection)
    if (this.#isFailing) return
    // When a proxy of thousands goes, they all are looked after in one pass.
    this.#isFailing = true
    this.core.wheel.arm(0, { onTimer: () => this.#failDisconnected() }, 'disconnected')
  }

  #failDisconnected(): void {
    this.#isFailing = false
    this.core.transactions.failDisconnected()
  }

  onRequest(request: SipMessage, source: Peer): void {
    if (request.toTag === '' && !this.#takesNew(request, source)) return
    if (!this.#mayBeRemembered(request, source)) return this.#uas.refuseUnseen(request, source)
    if (request.toTag !== '' && this.#proxy.owns(request)) this.#proxy.relay(request, source)
    else this.#uas.onRequest(request, source)
  }

  /** Whether there is room to remember one more request after its answer. What belongs to a call that is up is always taken. */
  #mayBeRemembered(request: SipMessage, { host }: Peer): boolean {
    const { transactions, limits, dialogs, counters } = this.core
    if (transactions.lingering < limits.maxLingering / 2) return true
    if (request.toTag !== '' && (this.#proxy.owns(request) || dialogs.findForRequest(request) !== undefined))
      return true
    if (transactions.lingering < limits.maxLingering && this.vouchesFor(host)) return true
    counters.overLimit++
    return false
  }

  #takesNew(request: SipMessage, source: Peer): boolean {
    const { guard, overload } = this.core
    if (guard !== null && !guard.takesNew(source.host, request.method)) this.#uas.refuseUnseen(request, source)
    else if (request.method === 'INVITE' && overload !== null && !overload.admits())
      this.#uas.refuseForNow(request, source, overload.retryAfter(this.core.chance.below(1_000) / 1_000))
    else return true
    return false
  }

  onCancel(...args: Parameters<TransactionUser['onCancel']>): void {
    this.#uas.onCancel(...args)
  }

  onAck(ack: SipMessage, source: Peer): void {
    if (this.#proxy.owns(ack)) this.#proxy.relayAck(ack)
    else this.#uas.onAck(ack, source)
  }

  onServerTimer(...[transaction]: Parameters<TransactionUser['onServerTimer']>): void {
    this.#uasAnswers.onTimer(transaction)
  }

  onResponse(transaction: ClientTransaction, response: SipMessage, source: Peer): void {
    if (transaction.forwarded === null) this.#uacAnswers.onResponse(transaction, response, source)
    else transaction.forwarded.onResponse(response, source)
  }

  onClientFailure(transaction: ClientTransaction, event: 'timeout' | 'transport-error'): void {
    if (transaction.forwarded === null) this.#uacAnswers.onFailure(transaction, event)
    else transaction.forwarded.onFailure(event)
  }

  onClientTimer(transaction: ClientTransaction, name: string): void {
    if (transaction.forwarded === null) this.#uacAnswers.onTimer(transaction, name)
    else transaction.forwarded.onTimer(name)
  }

  #onDialogTimer(dialog: Dialog, name: string): void {
    switch (name) {
      case 'answer-again':
        return this.#uasAnswers.repeatAnswer(dialog)
      case 'no-ack':
        return this.#hangUp.end(dialog, dialog.isCancelledLate ? 'CANCEL after 200 OK' : 'ACK timeout')
      case 'late-cancel':
        return this.#hangUp.end(dialog, 'CANCEL after 200 OK')
      case 'session-refresh':
      case 'session-expiry':
        return this.#sessions.onTimer(dialog, name)
      default:
        // BYE is for calls: a subscription that is too old is only forgotten.
        if (dialog.method !== 'INVITE') return void this.core.dialogs.remove(dialog)
        return this.#hangUp.end(dialog, 'Session timer expired')
    }
  }
}
