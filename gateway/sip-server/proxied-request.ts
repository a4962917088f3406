import type { Application } from './application.ts'
import type { Core } from './core.ts'
import { uriOf } from './headers.ts'
import type { SipMessage } from './message.ts'
import { chooseBest, gatherChallenges } from './proxy-best.ts'
import { ProxyBranch } from './proxy-branch.ts'
import type { BranchOwner } from './proxy-branch.ts'
import type { ProxyCommand } from './proxy-command.ts'
import { addRecordRoutes, copyForTarget } from './proxy-request.ts'
import type { ProxiedTransaction, ServerTransaction } from './state.ts'
import type { Peer } from './transport.ts'
import type { UacAnswers } from './uac-answers.ts'
import type { UasAnswers } from './uas-answers.ts'
import { parseUri } from './uri.ts'
import { serialize } from './wire-format.ts'

/** How a request is to be passed on. */
export interface ProxyPlan {
  readonly request: SipMessage
  /** The Routes that are left when ours are taken off. */
  readonly routes: readonly string[]
  /** Headers to put in. */
  readonly extra: SipMessage | null
  readonly loopKey: string
  /** Our mark in Record-Route; null: we need not see the rest of the call. */
  readonly recordRouteMark: string | null
  readonly command: Pick<
    ProxyCommand,
    'isParallel' | 'followsRedirects' | 'wantsResponses' | 'provisionalMs' | 'finalMs' | 'destinations'
  >
  /** Who asked, and in which frame; null when the server passes on by itself. */
  readonly asker: { readonly app: Application; readonly frameId: string } | null
}

/** A request being passed on: the response context of RFC 3261 §16.7 with the branches that belong to it. */
export class ProxiedRequest implements ProxiedTransaction, BranchOwner {
  readonly #core: Core
  readonly #uas: UasAnswers
  readonly #uac: UacAnswers
  readonly #server: ServerTransaction
  readonly #plan: ProxyPlan
  /** Still to be tried, one after the other. */
  readonly #targets: string[]
  readonly #known: Set<string>
  readonly #branches: ProxyBranch[] = []
  readonly #finals: SipMessage[] = []
  /** No new branch any more: answered with 2xx or 6xx, or cancelled. */
  #isStopped = false
  #isReported = false
  /** A new INVITE, and not one inside a call. */
  readonly #isCall: boolean

  constructor(core: Core, uas: UasAnswers, uac: UacAnswers, server: ServerTransaction, plan: ProxyPlan) {
    this.#core = core
    this.#uas = uas
    this.#uac = uac
    this.#server = server
    this.#plan = plan
    this.#isCall = server.isInvite && plan.request.toTag === ''
    this.#targets = [...plan.command.destinations]
    this.#known = new Set(plan.command.destinations)
  }

  start(): void {
    this.#next()
    if (!this.#plan.command.wantsResponses) this.#report()
  }

  #next(): void {
    if (this.#isStopped) return
    const batch = this.#targets.splice(0, this.#plan.command.isParallel ? this.#targets.length : 1)
    for (const target of batch) this.#begin(target)
  }

  #begin(target: string): void {
    const { request, routes, extra, command, loopKey } = this.#plan
    const forwarded = copyForTarget(request, target, routes, extra)
    const branch = new ProxyBranch(this.#core, this.#uac, this, command, forwarded.request, loopKey)
    this.#branches.push(branch)
    branch.start(forwarded.nextUri)
  }

  route(request: SipMessage, target: Peer): void {
    const mark = this.#plan.recordRouteMark
    if (mark !== null) addRecordRoutes(this.#core, request, this.#server.source, target, mark)
    if (this.#isCall) this.#core.cdr.attempt('application', request)
  }

  onProvisional(response: SipMessage): void {
    if (!this.#server.isAnswered) this.#pass(response)
  }

  onFinal(response: SipMessage, source: Peer | null): void {
    const { status } = response
    if (status >= 300 && this.#server.isAnswered) return
    this.#tell(response, source)
    this.#note(response, source)
    if (status < 300) {
      // §16.7 step 5: every 2xx to an INVITE; to anything else the first final answer.
      if (this.#server.isInvite || !this.#server.isAnswered) this.#pass(response)
      this.#stop('SIP;cause=200;text="Call completed elsewhere"')
      this.#report()
      return
    }
    if (!this.#redirects(status, response)) this.#finals.push(response)
    if (status >= 600) this.#stop('')
    this.#next()
    if (this.#branches.every((each) => each.isDone)) this.#answerBest()
  }

  #note(response: SipMessage, source: Peer | null): void {
    if (!this.#isCall) return
    const { cdr } = this.#core
    const reason = response.status === 487 ? 'call-canceled' : 'call-rejected'
    if (response.status >= 300) cdr.stop(source === null ? 'application' : 'network', reason, response)
    else {
      cdr.start('network', 'proxy-uac', response)
      if (!this.#server.isAnswered) cdr.start('application', 'proxy-uas', response)
    }
  }

  /** A redirection we follow ourselves: its Contacts are further targets (§16.5). False: it is an answer like any other. */
  #redirects(status: number, response: SipMessage): boolean {
    if (!this.#plan.command.followsRedirects || status >= 400 || this.#isStopped) return false
    const room = this.#core.limits.maxProxyBranches - this.#branches.length - this.#targets.length
    const fresh = response
      .getAll('contact')
      .map((contact) => uriOf(contact) ?? '')
      .filter((uri) => parseUri(uri) !== null && !this.#known.has(uri))
      .slice(0, Math.max(0, room))
    for (const uri of fresh) this.#known.add(uri)
    this.#targets.unshift(...fresh)
    return fresh.length > 0
  }

  #stop(reason: string): void {
    this.#isStopped = true
    for (const branch of this.#branches) branch.cancel(reason)
  }

  /** The caller has given up (§16.10). Its INVITE is answered with what the branches say to that. */
  cancel(reason: string): void {
    this.#stop(reason)
    if (this.#branches.every((each) => each.isDone) && !this.#server.isAnswered) this.#answerBest()
  }

  #answerBest(): void {
    if (this.#server.isAnswered) return
    const best = chooseBest(this.#finals)
    if (this.#isCall && best !== null)
      this.#core.cdr.stop('application', best.status === 487 ? 'call-canceled' : 'call-rejected', best)
    if (best === null || best.status === 408) this.#answerTimeout()
    // §16.7 step 6: that one target is overloaded does not say that we are.
    else if (best.status === 503) this.#uas.answer(this.#server, 500)
    else {
      gatherChallenges(best, this.#finals)
      this.#pass(best)
    }
    this.#report()
  }

  #answerTimeout(): void {
    // RFC 4320 §4.2: a 408 to anything but INVITE comes too late to be of use.
    if (this.#server.isInvite) this.#uas.answer(this.#server, 408)
    else this.#core.transactions.forget(this.#server)
  }

  #pass(response: SipMessage): void {
    this.#core.transactions.respond(this.#server, response.status, serialize(response))
  }

  /** Shows the application a final answer; it takes the last for the outcome. */
  #tell(response: SipMessage, source: Peer | null): void {
    const { asker, command } = this.#plan
    if (asker === null || !command.wantsResponses || this.#isReported) return
    asker.app.tellProxied(asker.frameId, response, source)
  }

  #report(): void {
    if (this.#isReported) return
    this.#isReported = true
    this.#plan.asker?.app.finishProxied(this.#plan.asker.frameId)
  }
}
