import type { Application, ApplicationRouter, Echo, Shown } from '../../../gateway/sip-server/application.ts'
import type { Engine } from '../../../gateway/sip-server/engine.ts'
import { SipMessage } from '../../../gateway/sip-server/message.ts'
import type { Dice } from '../../simulation/dice.ts'
import { CdrRecorder } from './cdr-recorder.ts'
import { PLAIN_HABITS } from './habits.ts'
import type { Habits } from './habits.ts'
import { replacesOf } from './leg.ts'
import type { Leg } from './leg.ts'
import type { VirtualTime } from './network.ts'
import { Witness } from './witness.ts'

const REFUSALS = [302, 404, 480, 486, 488, 500, 503, 600, 603]
const MID_CALL = ['INVITE', 'INVITE', 'UPDATE', 'UPDATE', 'INFO', 'OPTIONS', 'REFER', 'NOTIFY', 'MESSAGE']

type OnResponse = (message: SipMessage, dialogId: string) => void
type OnReply = (echo: Echo | null) => void

/**
 * An application with a will of its own: it calls, answers, refuses, keeps silent, cancels, changes sessions and hangs up at
 * random moments. It talks to its server as drachtio-srf would, with the delay of a control connection both ways.
 */
export class Phone implements Application, ApplicationRouter {
  isOpen = true
  readonly identity: string
  readonly witness: Witness
  readonly records: CdrRecorder
  onTrace: ((line: string) => void) | null = null
  readonly #name: string
  readonly #time: VirtualTime
  readonly #dice: Dice
  readonly #habits: Habits
  #engine: Engine | null = null
  readonly #waiting = new Map<string, OnResponse>()
  readonly #replies = new Map<string, OnReply>()
  readonly #legs = new Map<string, Leg>()
  /** When the last frame in each direction has arrived: frames keep their order. */
  #inMs = 0
  #outMs = 0
  #frames = 0

  constructor(name: string, time: VirtualTime, dice: Dice, habits: Habits = PLAIN_HABITS) {
    this.#name = name
    this.#habits = habits
    this.identity = name
    this.#time = time
    this.#dice = dice
    this.witness = new Witness(name)
    this.records = new CdrRecorder(name)
  }

  attach(engine: Engine): void {
    this.#engine = engine
  }

  route(method = ''): Application | null {
    if (method.startsWith('cdr:')) return this.records
    return this.isOpen ? this : null
  }

  isForeign(): boolean {
    return false
  }

  routes(): readonly string[] {
    return []
  }

  routeToTag(): Application | null {
    return this.route()
  }

  /** The process is killed. */
  die(): void {
    if (!this.isOpen) return
    this.#trace('DIES')
    this.isOpen = false
    this.witness.isDismissed = true
    this.#engine!.actions.closed(this)
  }

  #trace(line: string): void {
    this.onTrace?.(`        ${this.#name} ${line}`)
  }

  /** After `delayMs`, unless the process is gone by then. */
  #in(delayMs: number, act: () => void): void {
    this.#time.in(delayMs, () => {
      if (this.isOpen) act()
    })
  }

  #description(): string {
    return this.#dice.pick(this.#habits.descriptions)
  }

  #chance(percent: number): boolean {
    return this.#dice.roll(100) < percent
  }

  // What the server says.

  show(shown: Shown): number {
    this.#arrives(() => this.#take(shown))
    return 0
  }

  echo(frameId: string, echo: Echo): number {
    this.witness.replied(frameId)
    this.#arrives(() => this.#replies.get(frameId)?.(echo))
    return 0
  }

  refuse(frameId: string, reason: string): void {
    this.witness.replied(frameId)
    this.#trace(`is told NOK: ${reason}`)
    this.#arrives(() => this.#replies.get(frameId)?.(null))
  }

  tellProxied(): void {}

  finishProxied(): void {}

  tellCdr(): void {}

  #arrives(act: () => void): void {
    const atMs = Math.max(this.#time.nowMs + this.#dice.roll(4), this.#inMs)
    this.#inMs = atMs
    this.#in(atMs - this.#time.nowMs, act)
  }

  #take(shown: Shown): void {
    const { message, transactionId, dialogId } = shown
    this.#trace(`is shown ${message.method || message.status} of ${message.cseqMethod || message.method}`)
    if (!message.isRequest) {
      this.witness.answered(transactionId, message.status, dialogId)
      if (message.cseqMethod === 'INVITE' && message.status >= 200 && message.status < 300)
        this.records.answered(message.callId)
      this.#waiting.get(transactionId)?.(message, dialogId)
      return
    }
    if (transactionId === 'unsolicited') return this.#onEnd(dialogId)
    if (message.method === 'ACK') return
    if (message.method === 'CANCEL') {
      this.witness.cancelled(transactionId)
      const leg = [...this.#legs.values()].find((each) => each.inviteId === transactionId)
      if (leg?.state === 'early') leg.state = 'over'
      // drachtio-srf always says this too, and is told NOK where the server has said it.
      if (this.#chance(10)) return
      return this.#respond(transactionId, 487, '')
    }
    const { callId, topVia } = message
    this.witness.shown(transactionId, message.method, `${callId}|${topVia!.branch}|${message.method}`)
    if (message.method === 'BYE') {
      this.#onEnd(dialogId)
      return this.#in(this.#chance(90) ? 0 : 3000, () => this.#respond(transactionId, 200, ''))
    }
    if (message.method === 'INVITE' && dialogId === '') {
      this.records.begun(callId, 'uas')
      return this.#onCall(transactionId, message)
    }
    if (dialogId === '' && (message.method === 'SUBSCRIBE' || message.method === 'REFER'))
      return this.#onSubscribe(transactionId)
    this.#onRequest(transactionId, message)
  }

  #onEnd(dialogId: string): void {
    this.witness.ended(dialogId)
    const leg = this.#legs.get(dialogId)
    if (leg !== undefined) leg.state = 'over'
  }

  // What the application says.

  #frame(act: (frameId: string) => void, onReply: OnReply = () => undefined): void {
    const frameId = `f${++this.#frames}`
    const atMs = Math.max(this.#time.nowMs + this.#dice.roll(4), this.#outMs)
    this.#outMs = atMs
    this.#in(atMs - this.#time.nowMs, () => {
      this.witness.framed(frameId)
      this.#replies.set(frameId, onReply)
      act(frameId)
    })
  }

  #respond(transactionId: string, status: number, body: string, headers: readonly string[] = []): void {
    const response = new SipMessage('', '', status, 'Whatever')
    for (const header of headers) addHeader(response, header)
    response.body = body
    this.#trace(`says ${status}${headers.length > 0 ? ` (${headers.join(', ')})` : ''}`)
    this.#frame(
      (frameId) => this.#engine!.actions.respond(this, frameId, transactionId, response),
      (echo) => {
        if (echo === null) return
        // A second final answer is echoed with the first one's text.
        const sent = Number(echo.text.slice(8, 11))
        if (sent === status) this.witness.responded(transactionId, status)
      },
    )
  }

  #request(leg: Leg, method: string, body: string, headers: readonly string[], onResponse: OnResponse): void {
    const request = new SipMessage(method, 'sip:placeholder', 0, '')
    for (const header of headers) addHeader(request, header)
    request.body = body
    this.#trace(`says ${method}${headers.length > 0 ? ` (${headers.join(', ')})` : ''}`)
    this.#frame(
      (frameId) => this.#engine!.actions.sendInDialog(this, frameId, leg.dialogId, request),
      (echo) => {
        if (echo === null || method === 'ACK') return
        this.witness.asked(echo.transactionId, method, true)
        this.witness.said(leg.dialogId, method)
        this.#waiting.set(echo.transactionId, onResponse)
        if (method === 'INVITE' && this.#chance(10))
          this.#in(this.#dice.roll(3000), () => this.#cancel(echo.transactionId))
      },
    )
  }

  #cancel(transactionId: string): void {
    this.#trace('says CANCEL')
    const cancel = new SipMessage('CANCEL', 'sip:placeholder', 0, '')
    this.#frame((frameId) => this.#engine!.actions.cancel(this, frameId, transactionId, cancel))
  }

  /** Calls `uri` to take the place it has there in another call, if it has one. */
  callReplacing(uri: string): void {
    const other = this.#legUp(null)
    if (other !== undefined) this.call(uri, [`Replaces: ${other.replaces}`])
  }

  /** Asks the other side of one of its calls to join another of its calls. */
  attend(): void {
    const leg = this.#legUp(null)
    if (leg !== undefined) this.#request(leg, 'REFER', '', this.#referTo(leg), () => undefined)
  }

  #legUp(butFor: Leg | null): Leg | undefined {
    return [...this.#legs.values()].find((leg) => leg !== butFor && leg.state === 'up' && leg.replaces !== undefined)
  }

  /** Calls `uri`, and goes on as it likes. */
  call(uri: string, headers: readonly string[] = []): void {
    const invite = new SipMessage('INVITE', uri, 0, '')
    for (const header of headers) addHeader(invite, header)
    for (const header of this.#habits.callHeaders) addHeader(invite, header)
    if (this.#chance(80)) invite.body = this.#description()
    if (this.#chance(30))
      invite.add('Session-Expires', this.#dice.pick(['60', '90', '90;refresher=uas', '180;refresher=uac']))
    const leg: Leg = { inviteId: '', dialogId: '', state: 'early', owesAnswer: invite.body === '' }
    let isCancelled = false
    const onResponse: OnResponse = (message, dialogId) => {
      if (dialogId !== '') leg.dialogId = dialogId
      if (message.status < 200) return this.#onProgress(leg, message)
      if (message.status >= 300) {
        leg.state = 'over'
        return
      }
      this.#legs.set(dialogId, leg)
      leg.state = 'up'
      leg.replaces = `${message.callId};to-tag=${message.toTag};from-tag=${message.fromTag}`
      if (!isCancelled || this.#chance(50)) this.#acknowledge(leg)
      if (!isCancelled) this.#converse(leg)
    }
    this.#trace(`calls ${uri}`)
    this.#frame(
      (frameId) => this.#engine!.actions.sendNew(this, frameId, '', invite),
      (echo) => {
        if (echo === null) return
        leg.inviteId = echo.transactionId
        this.witness.asked(echo.transactionId, 'INVITE', false)
        this.records.begun(/^Call-ID: (.*)\r$/m.exec(echo.text)![1]!, 'uac')
        this.#waiting.set(echo.transactionId, onResponse)
        if (!this.#chance(30)) return
        this.#in(this.#dice.roll(this.#chance(50) ? 500 : 12_000), () => {
          if (leg.state !== 'early') return
          isCancelled = true
          this.#cancel(echo.transactionId)
        })
      },
    )
  }

  /** Asks `uri` for NOTIFYs, and answers those that come. */
  subscribe(uri: string): void {
    const subscribe = new SipMessage(this.#dice.pick(['SUBSCRIBE', 'REFER']), uri, 0, '')
    addHeader(subscribe, 'Event: refer')
    addHeader(subscribe, 'Refer-To: <sip:elsewhere@10.0.0.8>')
    this.#trace(`${subscribe.method}s to ${uri}`)
    this.#frame(
      (frameId) => this.#engine!.actions.sendNew(this, frameId, '', subscribe),
      (echo) => {
        if (echo !== null) this.witness.asked(echo.transactionId, subscribe.method, false)
      },
    )
  }

  /** Somebody subscribes: is told something now and then, and in the end (nearly always) that it is over. */
  #onSubscribe(transactionId: string): void {
    if (this.#chance(10)) return
    if (this.#chance(15)) return this.#respond(transactionId, this.#dice.pick(REFUSALS), '')
    const response = new SipMessage('', '', 202, 'Accepted')
    this.#trace('accepts the subscription')
    this.#frame(
      (frameId) => this.#engine!.actions.respond(this, frameId, transactionId, response),
      (echo) => {
        if (echo === null || echo.dialogId === '') return
        this.witness.responded(transactionId, 202)
        const leg: Leg = { inviteId: '', dialogId: echo.dialogId, state: 'up' }
        for (let i = this.#dice.roll(3); i > 0; i--)
          this.#in(this.#dice.roll(5000), () => this.#notify(leg, 'active;expires=60'))
        if (this.#chance(90)) this.#in(this.#dice.roll(8000), () => this.#notify(leg, 'terminated;reason=noresource'))
      },
    )
  }

  #notify(leg: Leg, state: string): void {
    this.#request(leg, 'NOTIFY', '', ['Event: refer', `Subscription-State: ${state}`], () => undefined)
  }

  #onProgress(leg: Leg, message: SipMessage): void {
    const rseq = message.get('rseq')
    if (rseq !== undefined && this.#chance(95)) {
      const rack = `RAck: ${rseq} ${message.cseq} INVITE`
      this.#in(this.#dice.roll(200), () =>
        this.#request(leg, 'PRACK', this.#chance(20) ? this.#description() : '', [rack], () => undefined),
      )
    }
    if (this.#chance(8) && leg.dialogId !== '')
      this.#in(this.#dice.roll(1000), () => this.#request(leg, 'UPDATE', this.#description(), [], () => undefined))
  }

  /** ACKs, now or later, or now and then never. */
  #acknowledge(leg: Leg): void {
    if (this.#chance(2)) return
    const answer = leg.owesAnswer === true && this.#chance(90) ? this.#description() : ''
    this.#in(this.#chance(80) ? 0 : this.#dice.roll(2000), () => this.#request(leg, 'ACK', answer, [], () => undefined))
  }

  /** Somebody calls. */
  #onCall(transactionId: string, invite: SipMessage): void {
    const leg: Leg = { inviteId: transactionId, dialogId: '', state: 'early' }
    this.#legs.set(transactionId, leg)
    let atMs = 0
    // A machine may say all it has to say at once.
    const isHasty = this.#chance(15)
    const provisionals = this.#dice.roll(4)
    for (let i = 0; i < provisionals; i++) {
      atMs += isHasty ? 0 : this.#dice.roll(1500)
      const isReliable = this.#chance(40) && invite.getAll('supported').some((value) => value.includes('100rel'))
      const body = this.#chance(50) ? this.#description() : ''
      this.#in(atMs, () =>
        this.#respond(transactionId, this.#dice.pick([180, 183]), body, isReliable ? ['Require: 100rel'] : []),
      )
    }
    const what = this.#dice.roll(100)
    if (what < 5) return
    if (!isHasty) atMs += this.#dice.roll(this.#chance(80) ? 3000 : 20_000)
    if (what < 30) {
      this.#in(atMs, () => this.#refuse(transactionId))
      return
    }
    this.#in(atMs, () => this.#answer(leg, transactionId))
  }

  #refuse(transactionId: string): void {
    const status = this.#dice.pick(REFUSALS)
    const { redirections } = this.#habits
    const contacts = status === 302 && redirections.length > 0 ? [`Contact: ${this.#dice.pick(redirections)}`] : []
    this.#respond(transactionId, status, '', contacts)
  }

  #answer(leg: Leg, transactionId: string): void {
    if (leg.state === 'over') return
    const response = new SipMessage('', '', 200, 'OK')
    response.body = this.#description()
    if (this.#chance(20)) response.add('Session-Expires', '120')
    if (this.#chance(50)) response.add('Allow', 'INVITE, ACK, BYE, UPDATE')
    this.#trace('answers')
    this.#frame(
      (frameId) => this.#engine!.actions.respond(this, frameId, transactionId, response),
      (echo) => {
        if (echo === null || !echo.text.startsWith('SIP/2.0 200')) return
        this.witness.responded(transactionId, 200)
        this.records.answered(/^Call-ID: (.*)\r$/m.exec(echo.text)![1]!)
        this.witness.began(echo.dialogId)
        leg.dialogId = echo.dialogId
        this.#legs.set(echo.dialogId, leg)
        leg.state = 'up'
        leg.replaces = replacesOf(echo.text)
        this.#converse(leg)
      },
    )
  }

  /** A request within a call. */
  #onRequest(transactionId: string, request: SipMessage): void {
    if (this.#chance(4)) return
    const isInvite = request.method === 'INVITE'
    if (isInvite && this.#chance(30)) this.#respond(transactionId, 183, '', this.#chance(50) ? ['Require: 100rel'] : [])
    const status = this.#chance(85) ? 200 : this.#dice.pick([403, 488, 491, 500])
    const body = status === 200 && (isInvite || request.body !== '') ? this.#description() : ''
    this.#in(this.#chance(70) ? 0 : this.#dice.roll(4000), () => this.#respond(transactionId, status, body))
  }

  /** The call is up: whatever comes to mind, and in the end (nearly always) BYE. */
  #converse(leg: Leg): void {
    const lengthMs = this.#dice.roll(this.#chance(80) ? 10_000 : 200_000)
    const changes = this.#dice.roll(4)
    for (let i = 0; i < changes; i++) this.#in(this.#dice.roll(lengthMs + 1), () => this.#change(leg))
    if (this.#chance(45)) this.#in(lengthMs, () => this.#hangUp(leg))
  }

  #change(leg: Leg): void {
    if (leg.state !== 'up') return
    const method = this.#dice.pick(MID_CALL)
    const offers = (method === 'INVITE' && this.#chance(85)) || (method === 'UPDATE' && this.#chance(70))
    const headers = method === 'REFER' ? this.#referTo(leg) : []
    if (method === 'INVITE') leg.owesAnswer = !offers
    this.#request(leg, method, offers ? this.#description() : '', headers, (message) => {
      if (method !== 'INVITE') return
      if (message.status < 200) this.#onProgress(leg, message)
      else if (message.status < 300) this.#acknowledge(leg)
    })
  }

  /** To somebody else, or to the other end of another call of its own (RFC 5589 §7). */
  #referTo(leg: Leg): string[] {
    const { referrals, referralsToOwn } = this.#habits
    const other = this.#legUp(leg)
    if (other !== undefined && referralsToOwn !== null && this.#chance(60))
      return [`Refer-To: <${referralsToOwn}?Replaces=${encodeURIComponent(other.replaces!)}>`]
    return referrals.length > 0 ? [`Refer-To: ${this.#dice.pick(referrals)}`] : []
  }

  #hangUp(leg: Leg): void {
    if (leg.state !== 'up') return
    leg.state = 'over'
    this.#request(leg, 'BYE', '', [], () => undefined)
  }
}

function addHeader(message: SipMessage, line: string): void {
  const colon = line.indexOf(':')
  message.add(line.slice(0, colon), line.slice(colon + 1).trim())
}
