import { RateBucket } from './rate-bucket.ts'
import { ReactionTimes } from './reaction-times.ts'
import type { Reactions } from './reaction-times.ts'

/** When new calls are turned away so that those there are go on. */
export interface OverloadOptions {
  /** An application that is so far behind is well: more is let in. */
  readonly goodMs: number
  /** One that is so far behind gets fewer new calls. */
  readonly lateMs: number
  /** One that is so far behind gets none until it has caught up: callers begin to repeat their INVITEs after T1, 500 ms. */
  readonly shutMs: number
  /** INVITEs applications have not reacted to; past it there are no new ones, whatever else is true. */
  readonly maxWaitingInvites: number
  /** Retry-After is between these, at random, so that not everybody comes back at once. */
  readonly retryAfterSeconds: readonly [number, number]
}

export const DEFAULT_OVERLOAD: OverloadOptions = {
  goodMs: 40,
  lateMs: 100,
  shutMs: 400,
  maxWaitingInvites: 2_000,
  retryAfterSeconds: [5, 15],
}

/** What `stats()` says of it. */
export interface OverloadStats {
  /** `limited`: new INVITEs pass at a rate; `shut`: none do. */
  readonly level: 'open' | 'limited' | 'shut'
  /** New INVITEs let in a second while limited; 0 when shut, null when open. */
  readonly perSecond: number | null
  /** How far behind the applications were at the last look. */
  readonly lateMs: number
  readonly waitingInvites: number
  readonly refused: number
}

const LOOK_MS = 100
/** Without a new INVITE for so long there is nothing left of what was learnt. */
const FORGET_MS = 2_000
/** Our own thread is late when messages may have lain unread for so long. */
const UNREAD_LATE_MS = 100
/** For so long before that is believed: what a pause has left is read by then, unless the thread has hardly any time to spare. */
const UNREAD_MS = 500
const MIN_PER_SECOND = 10
/** So many INVITEs unread, and for so long no reaction to anything: the application does not only think, it stands still. */
const STANDSTILL_INVITES = 50
const STANDSTILL_MS = 2_500
/** What has not been reacted to by then never will be: an application that still stands is asked again. */
const GIVE_UP_MS = 5_000
/** With so many INVITEs unread it is looked at sooner: a sudden rush is no tenth of a second old. */
const RUSH_INVITES = 100
const RUSH_LOOK_MS = 25
/** Shut again so soon after it was opened, and it was opened too far. */
const SHUT_AGAIN_MS = 5_000
/** What is let in of what the application gets done, so that its queue empties. */
const BACK_OFF = 0.8
/** While it is well, so much more is let in at each look; while it is hardly behind, more. */
const GROWTH = 1.05
const QUICK_GROWTH = 1.15
/** What gets done is an average over about so long: a pause, and the rush after it, are one. */
const AVERAGE_MS = 500
/** Late for less than that is a pause, for its garbage or a compiler: it has got to everything soon after, and nobody need be turned away. */
const PAUSE_MS = 100

/**
 * Decides which new INVITEs are shown to applications (RFC 6357's local overload control). The measure is how far behind they
 * are, by their quickest reaction in each tenth of a second: a queue that never empties shows in the quickest, too, while a slow
 * one may have been thinking. While late, new calls pass at a rate a little below what gets done; when well, the rate grows
 * until nobody is turned away. It looks only when an INVITE comes, and has no timer.
 */
export class Overload {
  readonly #options: OverloadOptions
  readonly #now: () => number
  /** How long messages may have waited for the server's own thread to read them since it was last asked, milliseconds. */
  readonly #unreadMs: () => number
  readonly #reactions: ReactionTimes
  #level: OverloadStats['level'] = 'open'
  #perSecond = 0
  #bucket: RateBucket
  #lateMs = 0
  #lookedAtMs: number
  #heldUntilMs = -Infinity
  /** Since when our own thread has been late without a break; null: it is not. */
  #unreadSinceMs: number | null = null
  /** What an INVITE takes an application that is not late: what it thinks, and waits for. */
  #thinkingMs = Infinity
  /** INVITEs a second: what got done while there was a queue, or has got done at most since. */
  #possible = 0
  /** INVITEs a second that got done, whether there was a queue or not. */
  #doing = 0
  /** Since when it has been late without a break; null: it is not. */
  #lateSinceMs: number | null = null
  #shutAtMs = -Infinity
  #arrived = 0
  #admitted = 0
  #refused = 0

  constructor(options: OverloadOptions, monotonicMs: () => number, unreadMs: () => number) {
    this.#options = options
    this.#now = monotonicMs
    this.#unreadMs = unreadMs
    this.#reactions = new ReactionTimes(options.maxWaitingInvites * 4)
    this.#lookedAtMs = monotonicMs()
    this.#bucket = new RateBucket({ perSecond: 0, burst: 0 }, this.#lookedAtMs)
  }

  /** Whether a new INVITE may be shown. */
  admits(): boolean {
    const nowMs = this.#now()
    if (nowMs - this.#lookedAtMs >= this.#lookMs) this.#look(nowMs)
    this.#arrived++
    const isAdmitted = this.#mayPass(nowMs)
    if (isAdmitted) this.#admitted++
    else this.#refused++
    return isAdmitted
  }

  get #lookMs(): number {
    return this.#level === 'open' && this.#reactions.invitesWaiting >= RUSH_INVITES ? RUSH_LOOK_MS : LOOK_MS
  }

  #mayPass(nowMs: number): boolean {
    if (this.#reactions.invitesWaiting >= this.#options.maxWaitingInvites) return false
    if (this.#level === 'open') return true
    return this.#level === 'limited' && this.#bucket.take(this.#rate(), nowMs)
  }

  #rate(): { perSecond: number; burst: number } {
    return { perSecond: this.#perSecond, burst: Math.max(1, (this.#perSecond * LOOK_MS) / 2000) }
  }

  /** An application was shown an INVITE (`isInvite`), a BYE or a 2xx that it will react to under this name. */
  shown(name: string, isInvite: boolean): void {
    this.#reactions.shown(name, isInvite, this.#now())
  }

  reacted(name: string): void {
    this.#reactions.reacted(name, this.#now())
  }

  applicationClosed(): void {
    this.#reactions.clear()
  }

  #look(nowMs: number): void {
    const elapsedMs = nowMs - this.#lookedAtMs
    const perSecond = (count: number): number => (count * 1000) / elapsedMs
    this.#reactions.forgetBefore(nowMs - GIVE_UP_MS)
    const reactions = this.#reactions.take()
    // While a queue empties, the last in it are the oldest: what a new one would wait tells more than what they have waited.
    const aheadMs = reactions.all === 0 ? Infinity : (this.#reactions.size * elapsedMs) / reactions.all
    const wasBehind = this.#lateMs >= this.#options.goodMs
    this.#lateMs = Math.min(aheadMs, this.#lateness(reactions, nowMs))
    this.#learn(perSecond(reactions.invites), elapsedMs, wasBehind)
    this.#lateSinceMs = this.#lateMs < this.#options.lateMs ? null : (this.#lateSinceMs ?? nowMs)
    this.#unreadSinceMs = this.#unreadMs() < UNREAD_LATE_MS ? null : (this.#unreadSinceMs ?? nowMs)
    if (elapsedMs >= FORGET_MS && this.#lateMs < this.#options.lateMs) {
      this.#level = 'open'
      this.#unreadSinceMs = null
    } else this.#decide(perSecond(this.#arrived), perSecond(this.#admitted), nowMs)
    this.#arrived = this.#admitted = 0
    this.#lookedAtMs = nowMs
  }

  #learn(doing: number, elapsedMs: number, wasBehind: boolean): void {
    const weight = 1 - Math.exp(-elapsedMs / AVERAGE_MS)
    this.#doing += (doing - this.#doing) * weight
    // What gets done is possible; with a queue no more is, and what it gets to right after a pause belongs to the pause.
    if (wasBehind) this.#possible += (doing - this.#possible) * weight
    else this.#possible = Math.max(this.#possible, this.#doing)
  }

  #lateness({ promptMs, inviteMs }: Reactions, nowMs: number): number {
    const { goodMs } = this.#options
    // Only while nothing says otherwise does an INVITE's own time tell what its thinking takes.
    if (inviteMs !== null) this.#thinkingMs = Math.min(inviteMs, this.#thinkingMs + goodMs / 100)
    if (promptMs !== null) return promptMs
    if (inviteMs !== null) return inviteMs - this.#thinkingMs
    const promptWaitsMs = this.#reactions.oldestPromptMs(nowMs)
    if (promptWaitsMs > 0) return promptWaitsMs
    if (this.#reactions.invitesWaiting < STANDSTILL_INVITES) return 0
    const oldestMs = this.#reactions.oldestMs(nowMs)
    return oldestMs < STANDSTILL_MS ? 0 : oldestMs
  }

  #decide(arriving: number, admitting: number, nowMs: number): void {
    const { goodMs, lateMs, shutMs } = this.#options
    if (this.#lateMs >= shutMs) {
      if (this.#level === 'shut') return
      const share = nowMs - this.#shutAtMs < SHUT_AGAIN_MS ? BACK_OFF / 2 : BACK_OFF
      this.#perSecond = Math.max(MIN_PER_SECOND, this.#possible * share)
      this.#level = 'shut'
      this.#shutAtMs = nowMs
      return
    }
    const isUnread = this.#unreadSinceMs !== null && nowMs - this.#unreadSinceMs >= UNREAD_MS
    if (this.#lateMs >= lateMs || (isUnread && this.#level !== 'shut')) {
      if (this.#level === 'shut' || nowMs < this.#heldUntilMs) return
      if (!isUnread && nowMs - this.#lateSinceMs! < PAUSE_MS) return
      const possible = this.#lateMs >= lateMs ? this.#possible : admitting
      const target = Math.max(MIN_PER_SECOND, possible * BACK_OFF)
      this.#limitTo(this.#level === 'open' ? target : Math.min(target, this.#perSecond), nowMs)
      // It takes effect when the queue of now has been worked off.
      this.#heldUntilMs = nowMs + Math.max(3 * LOOK_MS, 2 * this.#lateMs)
      return
    }
    if (this.#level === 'open') return
    if (this.#level === 'shut') return this.#limitTo(this.#perSecond, nowMs)
    if (this.#lateMs >= goodMs || this.#unreadSinceMs !== null) return
    const isHardlyBehind = this.#lateMs < goodMs / 4
    this.#perSecond = this.#perSecond * (isHardlyBehind ? QUICK_GROWTH : GROWTH) + 1
    if (this.#perSecond > arriving * 1.5) this.#level = 'open'
  }

  #limitTo(perSecond: number, nowMs: number): void {
    this.#level = 'limited'
    this.#perSecond = perSecond
    this.#bucket = new RateBucket({ perSecond, burst: 1 }, nowMs)
  }

  /** When somebody who was turned away may come again, seconds; `chance` is from 0 up to 1. */
  retryAfter(chance: number): number {
    const [least, most] = this.#options.retryAfterSeconds
    return least + Math.floor(chance * (most - least + 1))
  }

  stats(): OverloadStats {
    const perSecond = this.#level === 'open' ? null : this.#level === 'shut' ? 0 : Math.round(this.#perSecond)
    return {
      level: this.#level,
      perSecond,
      lateMs: Math.round(this.#lateMs),
      waitingInvites: this.#reactions.invitesWaiting,
      refused: this.#refused,
    }
  }
}
