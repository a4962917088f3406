import type { BookChange } from '../../model/book.ts'
import type { Clock } from '../../model/clock.ts'
import type { TrunkId } from '../../model/ids.ts'
import type { Random } from '../../model/random.ts'
import type { TrunkRegistration } from '../../model/trunk-registration.ts'
import type { Trunk } from '../../model/trunk.ts'
import { jittered } from './jitter.ts'
import type { Schedule } from '../start/schedule.ts'

/** A REGISTER without an answer for so long has failed. */
const ANSWER_TIMEOUT_MS = 10_000
/** The wait after the first failure, doubled with each further one up to the most (RFC 5626 §4.5). */
const FIRST_RETRY_MS = 30_000
const MAX_RETRY_MS = 1_800_000
/** The longest registration we believe in: a carrier may write any number, and a timer of JavaScript ends at 24 days. */
const MAX_GRANTED_S = 86_400
/** Of the time a carrier grants us, how much passes until we register again. */
const REFRESH_AFTER = 0.75
/** How long the carriers may take to answer when we leave. */
const LEAVE_TIMEOUT_MS = 2_000
/** Trunks kept registered; the house has a handful. */
const MAX_REGISTRATIONS = 1_000

/** One REGISTER as it is to be sent. */
export interface Registration {
  readonly trunk: Trunk
  /** Seconds; 0 takes the registration back. */
  readonly expires: number
  /** The same for all of one trunk, and counted up (RFC 3261 §10.2.4). */
  readonly callId: string
  readonly cseq: number
}

/** What of the answer matters. */
export interface RegistrationAnswer {
  readonly status: number
  /** Seconds granted; null: as asked. */
  readonly expires: number | null
  /** Of a 423 (RFC 3261 §10.3). */
  readonly minExpires: number | null
  /** Of a 503, seconds. */
  readonly retryAfter: number | null
  /** The CSeq number that was answered: a challenge has counted it up. */
  readonly cseq: number
}

export interface TrunkRegistrationsNeeds {
  /** Sends a REGISTER, answers its challenge, and resolves to the final answer; a rejection is no answer. */
  readonly register: (registration: Registration) => Promise<RegistrationAnswer>
  readonly schedule: Schedule
  readonly clock: Pick<Clock, 'now'>
  readonly random: Random
  readonly newCallId: () => string
  /** Told of each change of state. */
  readonly onChange: (trunk: Trunk, registration: TrunkRegistration) => void
}

interface Entry {
  trunk: Trunk
  readonly callId: string
  cseq: number
  expires: number
  failures: number
  /** It has been asked again for the time its carrier wants. */
  hasAskedLonger: boolean
  registration: TrunkRegistration
  cancel: () => void
}

const REGISTERING: TrunkRegistration = { state: 'registering', status: null, expiresAt: null }

/**
 * Keeps the outbound trunks that want it registered at their carriers (RFC 3261 §10.2): again before the time granted is over,
 * after a failure ever more slowly, and not any more when the exchange stops.
 */
export class TrunkRegistrations {
  readonly #needs: TrunkRegistrationsNeeds
  readonly #max: number
  readonly #entries = new Map<TrunkId, Entry>()
  #isRunning = false

  constructor(needs: TrunkRegistrationsNeeds, max: number = MAX_REGISTRATIONS) {
    this.#needs = needs
    this.#max = max
  }

  apply(change: BookChange): void {
    if (change.kind !== 'trunk') return
    const trunk = change.value?.direction === 'outbound' && change.value.register ? change.value : null
    const before = this.#entries.get(change.id)
    if (before && trunk && isSameAccount(before.trunk, trunk)) {
      before.trunk = trunk
      return
    }
    if (before) {
      before.cancel()
      this.#entries.delete(change.id)
      if (this.#isRunning) void this.#leave(before)
    }
    if (!trunk || this.#entries.size >= this.#max) return
    const entry: Entry = {
      trunk,
      callId: this.#needs.newCallId(),
      cseq: 0,
      expires: trunk.expires,
      failures: 0,
      hasAskedLonger: false,
      registration: REGISTERING,
      cancel: () => {},
    }
    this.#entries.set(change.id, entry)
    if (this.#isRunning) void this.#register(entry)
  }

  /** Begins to register. Before this the book is only read. */
  start(): void {
    this.#isRunning = true
    for (const entry of this.#entries.values()) void this.#register(entry)
  }

  /** Null: not a trunk that registers. */
  of(id: TrunkId): TrunkRegistration | null {
    return this.#entries.get(id)?.registration ?? null
  }

  /** Whether calls may go out there: false only while a registration that is wanted has failed. */
  isUsable(id: TrunkId): boolean {
    return this.#entries.get(id)?.registration.state !== 'failed'
  }

  counts(): Readonly<Record<TrunkRegistration['state'], number>> {
    const counts = { registering: 0, registered: 0, failed: 0 }
    for (const { registration } of this.#entries.values()) counts[registration.state]++
    return counts
  }

  /** Takes the registrations back, and waits a moment for the answers. */
  async close(): Promise<void> {
    this.#isRunning = false
    const entries = [...this.#entries.values()]
    for (const entry of entries) entry.cancel()
    await Promise.all(entries.map((entry) => this.#leave(entry)))
  }

  async #register(entry: Entry): Promise<void> {
    const answer = await this.#ask(entry, entry.expires, ANSWER_TIMEOUT_MS)
    if (!this.#isRunning || this.#entries.get(entry.trunk.id) !== entry) return
    if (answer !== null && answer.status >= 200 && answer.status < 300) return this.#granted(entry, answer)
    // RFC 3261 §10.2.8: the registrar says what it wants; once is enough.
    const wants = answer?.status === 423 ? answer.minExpires : null
    if (wants !== null && wants > entry.expires && wants <= MAX_GRANTED_S) {
      entry.expires = wants
      if (!entry.hasAskedLonger) {
        entry.hasAskedLonger = true
        return this.#register(entry)
      }
    }
    this.#failed(entry, answer)
  }

  #granted(entry: Entry, answer: RegistrationAnswer): void {
    const grantedMs = Math.min(Math.max(1, answer.expires ?? entry.expires), MAX_GRANTED_S) * 1000
    entry.failures = 0
    entry.hasAskedLonger = false
    this.#become(entry, {
      state: 'registered',
      status: answer.status,
      expiresAt: new Date(this.#needs.clock.now() + grantedMs),
    })
    this.#arm(entry, jittered(grantedMs * REFRESH_AFTER, this.#needs.random))
  }

  #failed(entry: Entry, answer: RegistrationAnswer | null): void {
    const waitMs = Math.min(FIRST_RETRY_MS * 2 ** entry.failures, MAX_RETRY_MS)
    const askedMs = Math.min((answer?.retryAfter ?? 0) * 1000, MAX_RETRY_MS)
    entry.failures = Math.min(entry.failures + 1, 16)
    entry.hasAskedLonger = false
    this.#become(entry, { state: 'failed', status: answer?.status ?? null, expiresAt: null })
    this.#arm(entry, jittered(Math.max(waitMs, askedMs), this.#needs.random))
  }

  #arm(entry: Entry, waitMs: number): void {
    entry.cancel = this.#needs.schedule.after(waitMs, () => void this.#register(entry))
  }

  #become(entry: Entry, registration: TrunkRegistration): void {
    const { state, status } = entry.registration
    entry.registration = registration
    if (state !== registration.state || (state === 'failed' && status !== registration.status))
      this.#needs.onChange(entry.trunk, registration)
  }

  async #leave(entry: Entry): Promise<void> {
    if (entry.registration.state === 'registered') await this.#ask(entry, 0, LEAVE_TIMEOUT_MS)
  }

  /** The final answer; null when none came in time. */
  #ask(entry: Entry, expires: number, timeoutMs: number): Promise<RegistrationAnswer | null> {
    const { trunk, callId } = entry
    const cseq = ++entry.cseq
    return new Promise((resolve) => {
      const cancel = this.#needs.schedule.after(timeoutMs, () => resolve(null))
      const settle = (answer: RegistrationAnswer | null): void => {
        cancel()
        if (answer !== null) entry.cseq = Math.max(entry.cseq, answer.cseq)
        resolve(answer)
      }
      this.#needs.register({ trunk, expires, callId, cseq }).then(settle, () => settle(null))
    })
  }
}

/** Whether the carrier would see the same registration. */
function isSameAccount(a: Trunk, b: Trunk): boolean {
  return a.host === b.host && a.username === b.username && a.password === b.password && a.expires === b.expires
}
