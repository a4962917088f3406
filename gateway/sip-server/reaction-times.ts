/** What was seen of an application's reactions since the last look. */
export interface Reactions {
  /** The quickest reaction to what it need not think about: the ACK of a 2xx, the answer to a BYE. Null: there was none. */
  readonly promptMs: number | null
  /** The quickest reaction to an INVITE, its thinking included. Null: there was none. */
  readonly inviteMs: number | null
  /** INVITEs it has got to, and all that it has got to. */
  readonly invites: number
  readonly all: number
}

interface Waiting {
  readonly sinceMs: number
  readonly isInvite: boolean
}

/**
 * How far behind the applications are. They read their frames in order: a reaction to one says that all before it have been
 * read, too, so that what is left here is what nobody has got to yet.
 */
export class ReactionTimes {
  readonly #capacity: number
  readonly #waiting = new Map<string, Waiting>()
  #invitesWaiting = 0
  #promptMs: number | null = null
  #inviteMs: number | null = null
  #invites = 0
  #all = 0

  /** No more than `capacity` are watched at a time. */
  constructor(capacity: number) {
    this.#capacity = capacity
  }

  /** What applications have not got to, as far as we know. */
  get size(): number {
    return this.#waiting.size
  }

  /** INVITEs that applications have not got to, as far as we know. */
  get invitesWaiting(): number {
    return this.#invitesWaiting
  }

  /** Something was shown that will be reacted to under this name. */
  shown(name: string, isInvite: boolean, nowMs: number): void {
    if (this.#waiting.size >= this.#capacity || this.#waiting.has(name)) return
    this.#waiting.set(name, { sinceMs: nowMs, isInvite })
    if (isInvite) this.#invitesWaiting++
  }

  reacted(name: string, nowMs: number): void {
    const reacted = this.#waiting.get(name)
    if (reacted === undefined) return
    for (const [each, { isInvite }] of this.#waiting) {
      this.#waiting.delete(each)
      this.#all++
      if (isInvite) {
        this.#invitesWaiting--
        this.#invites++
      }
      if (each === name) break
    }
    const tookMs = nowMs - reacted.sinceMs
    if (reacted.isInvite) this.#inviteMs = Math.min(tookMs, this.#inviteMs ?? Infinity)
    else this.#promptMs = Math.min(tookMs, this.#promptMs ?? Infinity)
  }

  /** How long the oldest has waited to which a reaction is due at once; 0 when there is none. */
  oldestPromptMs(nowMs: number): number {
    for (const { isInvite, sinceMs } of this.#waiting.values()) if (!isInvite) return nowMs - sinceMs
    return 0
  }

  /** How long the oldest of all has waited; 0 when there is none. */
  oldestMs(nowMs: number): number {
    for (const { sinceMs } of this.#waiting.values()) return nowMs - sinceMs
    return 0
  }

  /** What there was since the last call. */
  take(): Reactions {
    const taken = { promptMs: this.#promptMs, inviteMs: this.#inviteMs, invites: this.#invites, all: this.#all }
    this.#promptMs = this.#inviteMs = null
    this.#invites = this.#all = 0
    return taken
  }

  /** Gives up waiting for what was shown before `sinceMs`: some reactions never come, and must not stand for all. */
  forgetBefore(sinceMs: number): void {
    for (const [name, waiting] of this.#waiting) {
      if (waiting.sinceMs >= sinceMs) return
      this.#waiting.delete(name)
      if (waiting.isInvite) this.#invitesWaiting--
    }
  }

  /** An application is gone: what it owed will never come. */
  clear(): void {
    this.#waiting.clear()
    this.#invitesWaiting = 0
  }
}
