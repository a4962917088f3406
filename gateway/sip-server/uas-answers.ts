import { addAbilities, copyAppHeaders, localizeContact, securedLike } from './app-headers.ts'
import type { Application } from './application.ts'
import type { Core } from './core.ts'
import { cancelOfOurs, showCancelled } from './given-up.ts'
import { ownAddress, ownContact } from './core.ts'
import { dialogOfNotify, dialogOfRequest, isAddress } from './dialog.ts'
import type { Dialog, DialogRunner, ReliableAnswers, ServerTransaction } from './state.ts'
import { settleAnswer } from './dialogs.ts'
import type { HeaderField, SipMessage } from './message.ts'
import { IDENTIFIED } from './methods.ts'
import { dropOffer, noteAnswer } from './offers.ts'
import { PARTY_KEY } from './parties.ts'
import { ReliableProvisionals, supportsReliability, wantsReliability } from './reliable.ts'
import { buildResponse, reasonOf } from './responses.ts'
import { agreeAsUas } from './session-terms.ts'
import type { SessionTimers } from './session-timers.ts'
import { hasSession } from './session-body.ts'
import { addSubscription, beginsDialog, limitLife, subscribes } from './subscriptions.ts'
import { timerMs } from './timers.ts'
import { uriTransport } from './transport.ts'
import type { Peer } from './transport.ts'
import { serialize } from './wire-format.ts'

const UNKNOWN_TRANSACTION = 'Response not sent due to unknown transaction'

/** Answers to requests from the network (RFC 3261 §8.2.6, §13.3.1): the application's, and the server's own. */
export class UasAnswers {
  readonly #core: Core
  readonly #dialogRunner: DialogRunner
  readonly #sessions: SessionTimers

  constructor(core: Core, dialogRunner: DialogRunner, sessions: SessionTimers) {
    this.#core = core
    this.#dialogRunner = dialogRunner
    this.#sessions = sessions
  }

  /** A response the application has written (`sip|<transactionId>|` and a status line). */
  respond(app: Application, frameId: string, transactionId: string, answer: SipMessage): void {
    const transaction = this.#core.transactions.findServer(transactionId)
    if (transaction === undefined || transaction.owner !== app) return app.refuse(frameId, UNKNOWN_TRANSACTION)
    const { status } = answer
    if (transaction.isCancelled) return this.#respondCancelled(app, frameId, transaction, answer)
    if (status < 101 || status > 699) return app.refuse(frameId, 'Unknown server error sending response')
    if (transaction.isAnswered) {
      // The first final answer stands, and is what the application gets to see until it has been acknowledged.
      if (transaction.lastResponse === null) return app.refuse(frameId, UNKNOWN_TRANSACTION)
      this.#echo(app, frameId, transaction, transaction.lastResponse)
      return
    }
    const { transport, connection } = transaction.source
    // A browser cannot be connected to.
    if (connection?.isOpen === false && (transport.name === 'ws' || transport.name === 'wss'))
      return app.refuse(frameId, 'transport for response has been shutdown or closed')
    const { reliable } = transaction
    const isReliable = transaction.isInvite && wantsReliability(answer)
    if (isReliable && !supportsReliability(transaction.request!))
      return app.refuse(frameId, 'Remote endpoint does not support 100rel')
    if (isReliable && reliable?.isFull === true)
      return app.refuse(frameId, 'too many provisional responses wait for their PRACK')
    if (reliable?.isHolding === true) return app.refuse(frameId, 'a 2xx waits for the PRACK before it')
    if (status >= 200 && status < 300 && reliable?.hasOpenSession === true)
      return reliable.hold(
        () => this.#send(app, frameId, transaction, answer),
        () => app.refuse(frameId, UNKNOWN_TRANSACTION),
      )
    this.#send(app, frameId, transaction, answer)
  }

  /** Only 487 is possible any more; of a final answer that crossed the CANCEL our 487 has what the application says of its own. */
  #respondCancelled(app: Application, frameId: string, transaction: ServerTransaction, answer: SipMessage): void {
    const isAwaited = !transaction.isAnswered && answer.status >= 200
    if (isAwaited && answer.status === 487) return this.#send(app, frameId, transaction, answer)
    app.refuse(frameId, UNKNOWN_TRANSACTION)
    if (!isAwaited) return
    transaction.ownHeaders = ownHeadersOf(answer)
    this.answer(transaction, 487)
  }

  #send(app: Application, frameId: string, transaction: ServerTransaction, answer: SipMessage): void {
    const { status } = answer
    const request = transaction.request!
    const isReliable = transaction.isInvite && wantsReliability(answer)
    if (answer.toTag !== '' && request.toTag === '' && transaction.dialog === null) transaction.localTag = answer.toTag
    if (transaction.party === '' && request.toTag === '') transaction.party = this.#core.parties.namedIn(answer)
    const response = this.#buildAnswer(transaction, request, answer)
    if (status >= 401 && status <= 407) this.#noteRefusal(transaction, request, response)
    const changesSession = transaction.isInvite || transaction.method === 'UPDATE'
    const terms =
      changesSession && status >= 200 && status < 300
        ? agreeAsUas(
            request,
            response,
            transaction.dialog?.session?.terms ?? null,
            this.#core.limits.minSessionExpiresS,
          )
        : null
    const rseq = isReliable ? this.#reliable(transaction).takeNumber() : 0
    if (isReliable) response.add('RSeq', String(rseq))
    const text = serialize(response)
    if (transaction.method === 'REGISTER' && status >= 200 && status < 300)
      this.#core.flows.learn(request, response, transaction.source)
    this.#advance(transaction, response, status)
    if (transaction.isInvite && status < 300 && transaction.dialog === null) {
      // Another INVITE with the same Call-ID and From tag has been answered meanwhile.
      transaction.isCancelled = true
      this.answer(transaction, 480)
      return app.refuse(frameId, 'dialog already exists, rejecting this request')
    }
    const { dialog } = transaction
    if (dialog !== null) {
      noteAnswer(dialog, response, 'ours', transaction.hadSession)
      if (isReliable) dialog.reliable = this.#reliable(transaction)
    }
    if (isReliable) this.#reliable(transaction).send(rseq, status, text, hasSession(response))
    else this.#core.transactions.respond(transaction, status, text)
    if (status >= 200 && status < 300 && dialog !== null) {
      if (transaction.isInvite) this.#awaitAck(transaction, request.cseq)
      if (changesSession) this.#sessions.start(dialog, terms, request)
    }
    if (status < 200) {
      if (transaction.isInvite) transaction.ownHeaders = ownHeadersOf(answer)
      this.watchSilence(transaction)
    } else if (transaction.isCancelled) this.#noteOwnEnd(transaction.owner, request, response)
    else if (transaction.isInvite && request.toTag === '') this.#noteEnd(response)
    this.#echo(app, frameId, transaction, text)
  }

  /** Wrong credentials are what was sent and asked for again; a stale nonce is nobody's fault (RFC 7616 §3.3). */
  #noteRefusal({ method, source }: ServerTransaction, request: SipMessage, { status, headers }: SipMessage): void {
    if (this.#core.guard === null || !IDENTIFIED.has(method) || request.toTag !== '') return
    const isChallenge = status === 401 || status === 407
    if (!isChallenge && status !== 403) return
    const said = request.get('authorization') ?? request.get('proxy-authorization')
    // Of whoever has proved who he is, what he sent has been refused by the one it was for.
    if (!isChallenge && said !== undefined && (method === 'MESSAGE' || method === 'SUBSCRIBE')) return
    if (isChallenge) {
      const isStale = headers.some(({ key, value }) => key.endsWith('-authenticate') && /\bstale="?true/i.test(value))
      if (said === undefined || isStale) return
    }
    this.#core.guard.authenticationFailed(source.host)
  }

  #noteEnd(response: SipMessage): void {
    const { cdr } = this.#core
    if (response.status < 300) cdr.start('application', 'uas', response)
    else cdr.stop('application', 'call-rejected', response)
  }

  #reliable(transaction: ServerTransaction): ReliableAnswers {
    transaction.reliable ??= new ReliableProvisionals(this.#core, transaction, transaction.request!.cseq, () =>
      this.onTimer(transaction),
    )
    return transaction.reliable
  }

  #buildAnswer(transaction: ServerTransaction, request: SipMessage, answer: SipMessage): SipMessage {
    const { transport, host } = transaction.source
    const local = ownAddress(this.#core, transport, host)
    const reason = answer.reason === '' ? reasonOf(answer.status) : answer.reason
    const response = buildResponse(request, answer.status, reason, transaction.localTag)
    const contacts = answer.getAll('contact')
    for (const contact of contacts)
      response.add(
        'Contact',
        securedLike(request.requestUri, localizeContact(contact, local, uriTransport(transport.name))),
      )
    const isSuccess = answer.status >= 200 && answer.status < 300
    const changesSession = transaction.isInvite || transaction.method === 'UPDATE'
    // §12.1.1 wants a Contact in whatever begins a dialog, provisional or not, and RFC 3311 §7 in the 2xx to an UPDATE.
    const needsContact = (beginsDialog(transaction.method) && answer.status < 300) || (changesSession && isSuccess)
    if (contacts.length === 0 && needsContact) {
      const known = transaction.dialog?.localContact ?? ''
      const own = known === '' ? ownContact(this.#core, transport, host) : known
      response.add('Contact', securedLike(request.requestUri, own))
    }
    copyAppHeaders(response, answer, local)
    if (changesSession && isSuccess) addAbilities(response)
    return response
  }

  /** What an answer does to its dialog, before it is sent. */
  #advance(transaction: ServerTransaction, response: SipMessage, status: number): void {
    const { dialogs, wheel, limits, chance } = this.#core
    const begins = transaction.isInvite || (status >= 200 && subscribes(transaction.request!))
    if (begins && status < 300 && transaction.dialog === null && isAddress(transaction.request!.get('from') ?? '')) {
      const localCSeq = chance.below(10_000) + 1
      const dialog = dialogOfRequest(this.#dialogRunner, transaction, transaction.source, localCSeq)
      if (dialogs.add(dialog)) {
        dialog.party = transaction.party || this.#core.parties.ofAddress(transaction.source.host)
        transaction.dialog = dialog
        transaction.dialogId = dialog.id
        if (transaction.isInvite) dialog.serverInvite = transaction
        else addSubscription(dialog, transaction.request!)
        if (transaction.hadSession) dialog.openOffer = 'theirs'
      }
    }
    const { dialog } = transaction
    if (dialog === null) return
    if (status < 300 && begins) dialog.localContact = response.get('contact') ?? dialog.localContact
    if (status < 200) return
    if (dialog.serverUpdate === transaction) dialog.serverUpdate = null
    if (status >= 300) {
      if (transaction.isInvite) this.#closeInvite(transaction)
      return
    }
    if (!begins) return
    if (transaction.isInvite) dialog.serverInvite = null
    // A REFER accepted while the call still rings answers no INVITE.
    else if (dialog.method === 'INVITE') return
    if (dialog.state === 'early') {
      dialog.state = 'confirmed'
      dialog.lifeTimer = wheel.arm(limits.maxDialogMs, dialog, 'life')
    }
    if (transaction.method === 'SUBSCRIBE') limitLife(this.#core, dialog, response)
  }

  /** A NOTIFY that belongs to a SUBSCRIBE or REFER of ours still without answer (RFC 6665 §4.4.1). */
  beginByNotify(notify: SipMessage, source: Peer): Dialog | undefined {
    const { dialogs, wheel, limits } = this.#core
    const subscribe = dialogs.findSubscribe(notify)
    // One notifier only: §4.4.1 has the NOTIFYs of other forks refused.
    if (subscribe === undefined || subscribe.dialogId !== '' || subscribe.request === null) return undefined
    const dialog = dialogOfNotify(this.#dialogRunner, subscribe, notify, source)
    if (!dialogs.add(dialog)) return undefined
    dialog.state = 'confirmed'
    dialog.lifeTimer = wheel.arm(limits.maxDialogMs, dialog, 'life')
    addSubscription(dialog, subscribe.request)
    subscribe.dialogId = dialog.id
    return dialog
  }

  /** §13.3.1.4: the 2xx is sent again until its ACK comes, over any transport. */
  #awaitAck(transaction: ServerTransaction, cseq: number): void {
    const { dialog } = transaction
    if (dialog === null) return
    settleAnswer(dialog)
    const { wheel, timers } = this.#core
    dialog.answer = {
      transaction,
      cseq,
      firings: 0,
      retransmitTimer: wheel.arm(timers.t1Ms, dialog, 'answer-again'),
      giveUpTimer: wheel.arm(timers.giveUpMs, dialog, 'no-ack'),
    }
  }

  /** The ACK has not come yet: the 2xx once more, then twice as late, at most every T2. */
  repeatAnswer(dialog: Dialog): void {
    const { answer } = dialog
    if (answer === null) return
    const { wheel, timers, transactions } = this.#core
    answer.firings++
    transactions.repeatAccepted(answer.transaction)
    answer.retransmitTimer = wheel.arm(timerMs(timers, 'G', answer.firings, false), dialog, 'answer-again')
  }

  /** The application has been silent too long, an INVITE has rung too long, or its reliable answer was not acknowledged. */
  onTimer(transaction: ServerTransaction): void {
    if (transaction.isAnswered) return
    // A non-INVITE client has given up by itself (§17.1.2.2): there is nobody to answer.
    if (!transaction.isInvite) {
      const { dialog } = transaction
      if (dialog?.serverUpdate === transaction) {
        dialog.serverUpdate = null
        dropOffer(dialog, 'theirs', transaction.hadSession)
      }
      this.#core.transactions.forget(transaction)
      return
    }
    if (transaction.isCancelled) return this.answer(transaction, 487)
    const cancel = cancelOfOurs(transaction, 504, reasonOf(504))
    transaction.isCancelled = true
    this.answer(transaction, 504)
    this.#closeInvite(transaction)
    // Or it would go on with a call whose caller has heard the end of it.
    showCancelled(transaction.owner, transaction, cancel)
  }

  /** The application is gone: what it had not answered is answered for it. */
  onApplicationClosed(app: Application): void {
    for (const transaction of this.#core.transactions.servers()) {
      if (transaction.owner !== app || transaction.isAnswered) continue
      const status = transaction.isCancelled ? 487 : 503
      transaction.isCancelled = true
      this.answer(transaction, status)
      this.#closeInvite(transaction)
    }
  }

  /** Bounds how long the application may leave a request unanswered, and how long an INVITE may ring. */
  watchSilence(transaction: ServerTransaction): void {
    const { wheel, limits, timers } = this.#core
    transaction.silenceTimer?.cancel()
    const hasRung = transaction.lastStatus > 100
    const inviteMs = hasRung ? limits.maxRingingMs : limits.applicationSilenceMs
    // A client gives up after 64*T1 (§17.1.2.2); what it sent last may be under way for T4 more, and is no new request.
    const waitMs = transaction.isInvite ? inviteMs : timers.giveUpMs + timers.t4Ms
    transaction.silenceTimer = wheel.arm(waitMs, transaction, 'silence')
  }

  #echo(app: Application, frameId: string, transaction: ServerTransaction, text: string): void {
    transaction.echoFlush = app.echo(frameId, {
      isRequest: false,
      protocol: transaction.source.transport.name,
      host: transaction.source.host,
      port: transaction.source.port,
      transactionId: transaction.id,
      dialogId: transaction.dialogId,
      text,
    })
  }

  /** Answers by itself. */
  answer(
    transaction: ServerTransaction,
    status: number,
    headers: Record<string, string> = {},
    reason = reasonOf(status),
  ): void {
    const response = buildResponse(transaction.request!, status, reason, status === 100 ? '' : transaction.localTag)
    for (const [name, value] of Object.entries(headers)) response.add(name, value)
    if (transaction.isInvite && status >= 300) {
      for (const { name, value } of transaction.ownHeaders) response.add(name, value)
      this.#noteOwnEnd(transaction.owner, transaction.request!, response)
    }
    this.#core.transactions.respond(transaction, status, serialize(response))
  }

  /** A new call that an application was asked about, and that we have ended for it. */
  #noteOwnEnd(owner: Application | null, request: SipMessage, response: SipMessage): void {
    if (owner === null || request.toTag !== '') return
    const { cdr } = this.#core
    if (response.status === 487) cdr.stop('network', 'call-canceled', response)
    else cdr.stop('application', 'system-error-initiated-termination', response)
  }

  /** The dialog of an open INVITE has ended: by a BYE, most likely, of a caller that should have sent CANCEL. */
  orphanInvite(invite: ServerTransaction): void {
    if (invite.isAnswered) return
    const isNew = invite.request!.toTag === ''
    const cancel = cancelOfOurs(invite, 487, reasonOf(487))
    this.terminateInvite(invite)
    // The end of a call that is up ends its re-INVITE for the application, too.
    if (isNew) showCancelled(invite.owner, invite, cancel)
  }

  /** 487 for an INVITE that was still open: its application's, where that is asked for its own and says it soon enough; else ours. */
  terminateInvite(invite: ServerTransaction): void {
    if (invite.isAnswered || invite.isCancelled) return
    const { asksForEnds, limits, wheel } = this.#core
    invite.isCancelled = true
    if (asksForEnds && invite.request!.toTag === '' && invite.owner?.isOpen === true) {
      // What waits for a PRACK, a 2xx too, is not wanted any more.
      invite.reliable?.stop()
      invite.reliable = null
      invite.silenceTimer?.cancel()
      invite.silenceTimer = wheel.arm(limits.cancelAnswerMs, invite, 'silence')
    } else this.answer(invite, 487)
    this.#closeInvite(invite)
  }

  /** The INVITE has failed: an early dialog goes with it, a confirmed one stays as it was. */
  #closeInvite(invite: ServerTransaction): void {
    const { dialog } = invite
    if (dialog === null) return
    if (dialog.serverInvite === invite) {
      dialog.serverInvite = null
      dropOffer(dialog, 'theirs', invite.hadSession)
    }
    if (dialog.state === 'early') this.#core.dialogs.remove(dialog)
  }
}

/** The headers of an application's answer that are nobody's but its own. */
function ownHeadersOf(answer: SipMessage): readonly HeaderField[] {
  return answer.headers.filter(({ key }) => key.startsWith('x-') && key !== PARTY_KEY)
}
