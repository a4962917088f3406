import type { Logger } from '../../config/logger.ts'
import { MediaUnavailable, UnacceptableMedia } from '../../media/media-server.ts'
import type { Monitor } from '../../media/monitor.ts'
import {
  MonitorRefused,
  type CallMonitor,
  type MonitorAsker,
  type MonitorMode,
  type MonitorNote,
} from '../../model/call-monitor.ts'
import type { Clock } from '../../model/clock.ts'
import type { CallId, MonitorId } from '../../model/ids.ts'
import { answerOptions } from '../in-dialog/answer-options.ts'
import type { Bridge } from '../bridge.ts'
import { ring, type BuyerLeg, type RingResult } from '../buyer-leg.ts'
import { releaseRequests } from '../in-dialog/held-requests.ts'
import { mediaWarning } from '../headers/media-warning.ts'
import type { MonitorStore } from '../needs.ts'
import { reasonHeader } from '../headers/reason-header.ts'
import { ringWays } from '../invitation/ring-ways.ts'
import { ABILITIES, ALLOWED } from '../headers/sip-methods.ts'
import type { Signaling } from '../srf.ts'
import type { SipDialog, SipRequest, SipResponse } from '../srf/srf-types.ts'
import type { Supervisor } from './supervisor.ts'

/** How long a supervisor is rung. */
const RING_MS = 30_000

/** `@localhost` is drachtio’s word for the address the request leaves from. */
const FROM = '"Call monitoring" <sip:monitor@localhost>'

export interface SupervisionOptions {
  readonly id: MonitorId
  readonly callId: CallId
  readonly bridge: Pick<Bridge, 'ended'>
  readonly to: string
  readonly supervisor: Supervisor
  readonly mode: MonitorMode
  readonly by: MonitorAsker
  readonly monitor: Monitor
  readonly startedAt: Date
  readonly signaling: Signaling
  readonly store: MonitorStore
  readonly clock: Pick<Clock, 'now'>
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>
  /** In place of half a minute: for tests. */
  readonly ringMs?: number
}

/**
 * One supervisor at one call: rung with the engine's offer, joined by the engine once it answers, until it hangs up, somebody ends it, the
 * call or the engine ends. The call notices nothing of it. Every change is written down before it is made.
 */
export class Supervision {
  /** Resolves once it is over and its end has been written down, if that could be. Never rejects. */
  readonly done: Promise<void>
  readonly #options: SupervisionOptions
  readonly #gone = new AbortController()
  readonly #over = Promise.withResolvers<void>()
  #mode: MonitorMode
  #joinedAt: Date | null = null
  #end: { readonly reason: string; readonly at: Date; readonly by: MonitorAsker | null } | null = null
  /** Changes are made one after the other, the end last. */
  #changing: Promise<void> = Promise.resolve()

  constructor(options: SupervisionOptions) {
    this.#options = options
    this.#mode = options.mode
    this.done = this.#run()
  }

  get view(): CallMonitor {
    const { id, callId, by, to, startedAt } = this.#options
    return {
      id,
      callId,
      accountId: by.accountId,
      to,
      mode: this.#mode,
      state: this.#end ? 'ended' : this.#joinedAt ? 'joined' : 'ringing',
      startedAt,
      joinedAt: this.#joinedAt,
      endedAt: this.#end?.at ?? null,
      reason: this.#end?.reason ?? null,
    }
  }

  get isOver(): boolean {
    return this.#end !== null
  }

  /** From now on. Throws MonitorRefused when it is over; then, and when the change cannot be written down, nothing has changed. */
  change(mode: MonitorMode, by: MonitorAsker): Promise<void> {
    const turn = this.#changing.then(() => this.#change(mode, by))
    this.#changing = turn.catch(() => {})
    return turn
  }

  /** Ends it, whatever stage it is in. Idempotent: the first reason stands. */
  end(reason: string, by: MonitorAsker | null = null): void {
    if (this.#end) return
    this.#end = { reason, at: this.#now(), by }
    this.#gone.abort()
    this.#over.resolve()
  }

  async #run(): Promise<void> {
    const { monitor, bridge, log, callId, id } = this.#options
    void monitor.ended.then((why) => this.end(why))
    void bridge.ended.then(() => this.end('call_ended'))
    let leg: BuyerLeg | null = null
    try {
      const rung = await this.#ring()
      if (rung.kind === 'answered') {
        leg = rung.leg
        await this.#join(leg, rung.sdp)
      } else this.end(reasonOf(rung))
    } catch (error) {
      this.end(this.#whyNot(error))
    }
    await this.#over.promise
    const { reason, by } = this.#end!
    void leg?.hangUp({ Reason: reasonHeader(200, reason.replaceAll('_', ' ')) })
    await monitor
      .close()
      .catch((error: Error) => log.warn({ callId, reason: error.message }, 'a monitor did not close'))
    await this.#changing
    log.info({ callId, monitorId: id, reason }, 'a call is no longer monitored')
    await this.#note('ended', { reason, by }).catch((error: Error) => {
      log.warn({ callId, monitorId: id, reason: error.message }, 'the end of a monitoring could not be written down')
    })
  }

  #ring(): Promise<RingResult> {
    const { supervisor, monitor, signaling, callId, ringMs = RING_MS } = this.#options
    const { uri, ways } = supervisor
    const options = {
      uri,
      headers: { From: FROM, 'X-DCE-Call-ID': callId, Allow: ALLOWED, Supported: '100rel' },
      sdp: monitor.offer,
      ringTimeoutMs: ringMs,
      gone: this.#gone.signal,
      goneReason: () => null,
      onInvite: () => undefined,
      onSent: () => undefined,
      onEarlyOffer: () => Promise.reject(new Error('not before the answer')),
      onProgress: () => undefined,
    }
    return ways ? ringWays(signaling, ways, options) : ring(signaling, options)
  }

  async #join(leg: BuyerLeg, sdp: string): Promise<void> {
    const { monitor, log, callId, id, to } = this.#options
    const { dialog } = leg
    this.#watch(dialog)
    // Before the first word is heard.
    await this.#note('joined', { dialog: leg.state(), by: null })
    if (this.#end) return
    await monitor.answered(sdp)
    releaseRequests(dialog)
    this.#joinedAt = this.#now()
    log.info({ callId, monitorId: id, to, mode: this.#mode }, 'a call is monitored')
  }

  #watch(dialog: SipDialog): void {
    if (!dialog.connected) return this.end('supervisor_hung_up')
    const renegotiate = (req: SipRequest, res: SipResponse): void => void this.#renegotiate(req, res)
    dialog.on('destroy', () => this.end('supervisor_hung_up'))
    dialog.on('modify', renegotiate)
    dialog.on('update', renegotiate)
    dialog.on('refer', (_req: SipRequest, res: SipResponse) => res.send(603)) // Nobody hands a call on to listen to.
    dialog.on('options', (_req: SipRequest, res: SipResponse) => answerOptions(res, true))
  }

  async #renegotiate(req: SipRequest, res: SipResponse): Promise<void> {
    const headers = { ...ABILITIES, Supported: '100rel' }
    if (!req.body && req.method === 'UPDATE') return res.send(200, { headers })
    try {
      // The engine's offer was the INVITE's; there is no second one to give.
      if (!req.body) throw new UnacceptableMedia('a re-INVITE brings its offer')
      const body = await this.#options.monitor.renew(req.body)
      res.send(200, { headers, body })
    } catch (error) {
      res.send(488, { headers: mediaWarning(error) })
    }
  }

  async #change(mode: MonitorMode, by: MonitorAsker): Promise<void> {
    if (this.#end) throw this.#refusal()
    if (mode === this.#mode) return
    await this.#note('changed', { mode, by })
    if (this.#end) throw this.#refusal()
    try {
      await this.#options.monitor.setMode(mode)
    } catch {
      this.end('mode_not_changed') // Nobody knows now who hears the supervisor.
      throw this.#refusal()
    }
    this.#mode = mode
  }

  #refusal(): MonitorRefused {
    return new MonitorRefused('monitor_over', `the monitoring is over: ${this.#end!.reason}`)
  }

  #note(event: MonitorNote['event'], more: Partial<MonitorNote> & Pick<MonitorNote, 'by'>): Promise<void> {
    const { id: monitorId, callId, to, store } = this.#options
    const at = event === 'ended' ? this.#end!.at : this.#now()
    return store.note({ monitorId, callId, at, event, mode: this.#mode, to, reason: null, dialog: null, ...more })
  }

  #whyNot(error: unknown): string {
    if (error instanceof UnacceptableMedia) return 'unacceptable_media'
    if (error instanceof MediaUnavailable) return error.message
    const { log, callId } = this.#options
    log.error({ callId, error }, 'a supervisor could not be joined to a call')
    return 'failed'
  }

  #now(): Date {
    return new Date(this.#options.clock.now())
  }
}

/** Of an attempt that nobody answered; who was not waited for any more has an end already. */
function reasonOf(rung: Exclude<RingResult, { kind: 'answered' }>): string {
  if (rung.kind !== 'rejected') return 'no_answer'
  return rung.status === 486 || rung.status === 600 ? 'busy' : `rejected_${rung.status}`
}
