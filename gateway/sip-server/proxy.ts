import { createHmac } from 'node:crypto'
import type { Application } from './application.ts'
import type { Core } from './core.ts'
import { uriOf } from './headers.ts'
import type { SipMessage } from './message.ts'
import { ProxiedRequest } from './proxied-request.ts'
import type { ProxyPlan } from './proxied-request.ts'
import type { ProxyCommand } from './proxy-command.ts'
import { copyForTarget, isLoop, loopKey, MARK } from './proxy-request.ts'
import { reasonOf } from './responses.ts'
import { findDestination, isUnsendable, stampVia } from './sender.ts'
import type { Destination } from './sender.ts'
import type { ServerTransaction } from './state.ts'
import type { Peer } from './transport.ts'
import type { UacAnswers } from './uac-answers.ts'
import type { UasAnswers } from './uas-answers.ts'
import { parseUri } from './uri.ts'
import { serialize } from './wire-format.ts'

/** Passing requests on (RFC 3261 §16): those an application says so of, and the rest of the calls we recorded a route for. */
export class Proxy {
  readonly #core: Core
  readonly #uas: UasAnswers
  readonly #uac: UacAnswers
  /** Proves that a Route was ours, for this very call: nobody else may send through us. */
  readonly #markKey: string

  constructor(core: Core, uas: UasAnswers, uac: UacAnswers) {
    this.#core = core
    this.#uas = uas
    this.#uac = uac
    this.#markKey = core.chance.token(32)
  }

  /** The application's `proxy` command; `extra` carries the headers it wants in. */
  proxy(app: Application, frameId: string, command: ProxyCommand, extra: SipMessage | null): void {
    const transaction = this.#core.transactions.findServer(command.transactionId)
    const isOpen =
      transaction !== undefined && transaction.owner === app && !transaction.isAnswered && !transaction.isCancelled
    if (!isOpen || transaction.dialog !== null || transaction.proxied !== null)
      return app.refuse(frameId, `Unknown transaction id: ${command.transactionId}`)
    const refusal = this.#check(command)
    if (refusal !== null) return app.refuse(frameId, refusal)
    this.#core.transactions.unguardMerges(transaction)
    const request = transaction.request!
    const key = loopKey(request)
    const fault = this.#validate(request, key)
    if (fault !== null) {
      transaction.isCancelled = true
      this.#uas.answer(transaction, fault.status, fault.headers)
      const why = fault.why === '' ? '' : ` due to ${fault.why}`
      return app.refuse(frameId, `Rejected with ${fault.status} ${reasonOf(fault.status)}${why}`)
    }
    this.#forwardNew(transaction, request, command, { extra, asker: { app, frameId } })
  }

  /** The same by word of a request handler. False when the command cannot be done. */
  takes(transaction: ServerTransaction, request: SipMessage, command: ProxyCommand): boolean {
    if (this.#check(command) !== null) return false
    this.#core.transactions.unguardMerges(transaction)
    const fault = this.#validate(request, loopKey(request))
    if (fault !== null) this.#uas.answer(transaction, fault.status, fault.headers)
    else this.#forwardNew(transaction, request, command, { extra: null, asker: null })
    return true
  }

  #check(command: ProxyCommand): string | null {
    const bad = command.destinations.find((uri) => parseUri(uri) === null)
    if (bad !== undefined) return `invalid request-uri: ${bad}`
    return command.destinations.length > this.#core.limits.maxProxyBranches ? 'too many destinations' : null
  }

  #forwardNew(
    transaction: ServerTransaction,
    request: SipMessage,
    command: ProxyCommand,
    { extra, asker }: Pick<ProxyPlan, 'extra' | 'asker'>,
  ): void {
    // From here on the caller is the proxy's: what the application still says finds nothing.
    transaction.owner = null
    transaction.silenceTimer?.cancel()
    this.#forward(transaction, {
      request,
      routes: this.#withoutOwn(request.getAll('route'), request.callId),
      extra,
      loopKey: loopKey(request),
      recordRouteMark: command.remainsInDialog ? this.#markOf(request.callId) : null,
      command,
      asker,
    })
  }

  #forward(transaction: ServerTransaction, plan: ProxyPlan): void {
    const proxied = new ProxiedRequest(this.#core, this.#uas, this.#uac, transaction, plan)
    transaction.proxied = proxied
    proxied.start()
  }

  /** §16.3: what speaks against passing a request on. */
  #validate(request: SipMessage, key: string): { status: number; headers: Record<string, string>; why: string } | null {
    const maxForwards = request.get('max-forwards')
    if (maxForwards !== undefined && Number(maxForwards) === 0)
      return { status: 483, headers: {}, why: 'Max-Forwards value of 0' }
    if (isLoop(request, key)) return { status: 482, headers: {}, why: '' }
    const required = request.getAll('proxy-require')
    // We support no extension of proxies (§16.3 step 5).
    if (required.length > 0) return { status: 420, headers: { Unsupported: required.join(', ') }, why: 'Proxy-Require' }
    return null
  }

  /** Whether a request inside a dialog is of a call we are in the path of: its Route, or to a strict router its URI, says so. */
  owns(request: SipMessage): boolean {
    const route = request.get('route')
    if (route === undefined) return false
    return this.#isOwn(uriOf(route) ?? '', request.callId) || this.#isOwn(request.requestUri, request.callId)
  }

  /** Passes a request on along its Route (§16.4, §16.12). */
  relay(request: SipMessage, source: Peer): void {
    const { transactions, limits } = this.#core
    const { target, routes } = this.#preprocess(request)
    const transaction = transactions.createServer(request, source)
    const key = loopKey(request)
    const fault = this.#validate(request, key)
    if (fault !== null) return this.#uas.answer(transaction, fault.status, fault.headers)
    if (transactions.open >= limits.maxTransactions) return this.#uas.answer(transaction, 503)
    if (transaction.isInvite) this.#uas.answer(transaction, 100)
    if (request.method === 'BYE') {
      this.#core.cdr.stop('network', 'normal-release', request)
      this.#core.cdr.stop('application', 'normal-release', request)
    }
    this.#forward(transaction, {
      request,
      routes,
      extra: null,
      loopKey: key,
      recordRouteMark: null,
      command: {
        isParallel: false,
        followsRedirects: false,
        wantsResponses: false,
        provisionalMs: null,
        finalMs: null,
        destinations: [target],
      },
      asker: null,
    })
  }

  /** The ACK of a 2xx belongs to no transaction: it is passed on and forgotten (§16.11). */
  relayAck(ack: SipMessage): void {
    if (Number(ack.get('max-forwards') ?? 70) === 0) return void this.#core.counters.dropped++
    const { target, routes } = this.#preprocess(ack)
    const { request, nextUri } = copyForTarget(ack, target, routes, null)
    const send = (found: Destination): void => {
      if (found === null || isUnsendable(found)) return void this.#core.counters.sendErrors++
      const peer = found.peers[0]!
      stampVia(this.#core, request, peer)
      this.#core.counters.countSent('ACK', 0, peer.transport.name)
      peer.transport.send(serialize(request), peer, null)
    }
    const destination = findDestination(this.#core, nextUri, null)
    if (destination instanceof Promise) void destination.then(send)
    else send(destination)
  }

  /** §16.4: takes our own Routes off; a strict router before us has put its target last and us into the Request-URI. */
  #preprocess(request: SipMessage): { target: string; routes: string[] } {
    let target = request.requestUri
    const routes = request.getAll('route')
    if (this.#isOwn(target, request.callId)) {
      const last = routes.pop()
      target = uriOf(last ?? '') ?? target
    }
    return { target, routes: this.#withoutOwn(routes, request.callId) }
  }

  #withoutOwn(routes: readonly string[], callId: string): string[] {
    const foreign = routes.findIndex((route) => !this.#leadsHere(uriOf(route) ?? '', callId))
    return foreign === -1 ? [] : routes.slice(foreign)
  }

  /** A Route that leads here: one we recorded, or one somebody wrote with our address. */
  #leadsHere(uri: string, callId: string): boolean {
    if (this.#isOwn(uri, callId)) return true
    const destination = findDestination(this.#core, uri, null)
    return (
      !(destination instanceof Promise) &&
      destination !== null &&
      isUnsendable(destination) &&
      destination.refusal === 'can not send request to myself'
    )
  }

  #isOwn(uri: string, callId: string): boolean {
    const mark = uri.includes(`;${MARK}=`) ? parseUri(uri)?.params.get(MARK) : undefined
    return mark !== undefined && mark === this.#markOf(callId)
  }

  #markOf(callId: string): string {
    return createHmac('sha256', this.#markKey).update(callId, 'latin1').digest('hex').slice(0, 24)
  }
}
