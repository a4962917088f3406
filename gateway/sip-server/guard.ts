import { AddressBlocks, sourceKeyOf } from './address-blocks.ts'
import type { Admission, Ban, GuardNotice, GuardOptions, GuardStats, Offence } from './guard-options.ts'
import type { SipMessage } from './message.ts'
import { IDENTIFIED } from './methods.ts'
import { RateBucket } from './rate-bucket.ts'
import type { RateLimit } from './rate-bucket.ts'
import { Scanners } from './scanners.ts'
import { SourceTable } from './source-table.ts'
import type { Source } from './source-table.ts'

/** A limited source is told of again after so long. */
const TELL_AGAIN_MS = 10_000
/** Bans told one by one; more at once are only counted. */
const TOLD_BANS: RateLimit = { perSecond: 1, burst: 10 }
/** A stream that rests is read again when its source may send what this much time brings. */
const REST_MS = 100
/** It is asked again at least so often: who it is of, and what that one may, can have changed. */
const MAX_REST_MS = 1_000
/** It rests while its source may send fewer than this: what a piece of 64 kB has of small requests, or a share of what it may send at once. */
const PIECE_MESSAGES = 256
const PIECE_SHARE = 1 / 4
/** A place we send requests to is known for so long: longer than a call. */
const KNOWN_MS = 10_800_000

/**
 * Stands before the transaction layer: who has sent too much, too much garbage or too many wrong passwords is not listened
 * to for a while. Sources are IP addresses, and those of UDP can be forged: so whoever is trusted, and whoever we call
 * ourselves, is limited and never banned. Every question costs a look-up in a table by the source's address.
 */
export class Guard {
  readonly #options: GuardOptions
  readonly #notify: (notice: GuardNotice) => void
  readonly #now: () => number
  readonly #sources: SourceTable
  readonly #scanners: Scanners
  /** In the order they were banned. */
  readonly #bans = new Map<string, Source>()
  readonly #hard: RateLimit
  readonly #trustedHard: RateLimit
  #trusted = new AddressBlocks([])
  #edition = 0
  #strangersMay: ReadonlySet<string> | null = null
  #tellBans: RateBucket | null = null
  #untold = 0
  #bansTotal = 0
  #droppedBanned = 0
  #droppedFlood = 0
  #droppedMalformed = 0
  #droppedScanner = 0
  #droppedUnknown = 0
  #refusedFlood = 0

  /** `monotonicMs` is the clock bans and rates are measured by. */
  constructor(options: GuardOptions, notify: (notice: GuardNotice) => void, monotonicMs: () => number) {
    this.#options = options
    this.#now = monotonicMs
    this.#notify = notify
    this.#sources = new SourceTable(options.maxSources)
    this.#scanners = new Scanners(options.scanners)
    this.#hard = times(options.requests, options.hardFactor)
    this.#trustedHard = times(options.trustedRequests, options.hardFactor)
  }

  /** Says anew who is trusted, and what strangers may do. A ban of somebody now trusted is lifted. */
  setAdmission(admission: Admission): void {
    const nowMs = this.#now()
    this.#trusted = new AddressBlocks(admission.trusted)
    this.#edition++
    this.#strangersMay = admission.strangersMay === null ? null : new Set(admission.strangersMay)
    for (const source of this.#bans.values())
      if (this.#trusted.has(source.key.replace('/64', ''))) this.#unban(source, nowMs)
  }

  /** Whether to read what this source sends. Asked first, of each datagram, connection and piece of one. */
  admits(host: string): boolean {
    if (this.#bans.size === 0) return true
    const source = this.#bans.get(sourceKeyOf(host))
    if (source === undefined) return true
    const nowMs = this.#now()
    if (source.bannedUntilMs <= nowMs) {
      this.#unban(source, nowMs)
      return true
    }
    source.dropped++
    this.#droppedBanned++
    return false
  }

  /**
   * Whether a request may go on to the transaction layer. False: it is to vanish. One in a dialog of ours is only counted.
   * `isStreamed`, here and below: it came over a connection.
   */
  admitsRequest(request: SipMessage, host: string, isInDialog: boolean, isStreamed = false): boolean {
    const nowMs = this.#now()
    const source = this.#sourceOf(host, nowMs)
    if (!this.#takeAny(source, host, isStreamed, nowMs)) return false
    if (isInDialog || source.isTrusted) return true
    const userAgent = request.get('user-agent')
    if (userAgent !== undefined && this.#scanners.has(userAgent)) {
      this.#droppedScanner++
      this.#punish(source, host, 'scanner', nowMs)
      return false
    }
    if (this.#strangersMay === null || this.#isAdmittedMethod(request.method, this.#strangersMay)) return true
    this.#droppedUnknown++
    return false
  }

  /** Whether a question without a transaction (STUN) may be answered. Strangers who may not even register hear nothing. */
  takesKeepAlive(host: string): boolean {
    const nowMs = this.#now()
    const source = this.#sourceOf(host, nowMs)
    if (!this.#takeAny(source, host, false, nowMs)) return false
    if (this.#strangersMay === null || this.#strangersMay.size > 0 || isVouchedFor(source, nowMs)) return true
    this.#droppedUnknown++
    return false
  }

  /** A response or ACK that belongs to nothing: it has cost us its reading. */
  strayed(host: string, isStreamed = false): void {
    const nowMs = this.#now()
    this.#takeAny(this.#sourceOf(host, nowMs), host, isStreamed, nowMs)
  }

  #takeAny(source: Source, host: string, isStreamed: boolean, nowMs: number): boolean {
    if (this.#spend(source, isStreamed, nowMs)) return true
    this.#droppedFlood++
    this.#punish(source, host, 'requests', nowMs)
    return false
  }

  /** What a trunk sends over connections has a bucket of its own: datagrams in its name, which anybody can send, must not keep those waiting. */
  #spend(source: Source, isStreamed: boolean, nowMs: number): boolean {
    const isVouched = isVouchedFor(source, nowMs)
    const hard = isVouched ? this.#trustedHard : this.#hard
    if (isVouched && isStreamed) return (source.streamed ??= new RateBucket(hard, nowMs)).take(hard, nowMs)
    return (source.everything ??= new RateBucket(hard, nowMs)).take(hard, nowMs)
  }

  /**
   * How long not to read a stream of this source, ms; 0: read on. One that has sent nearly all it may over connections, and cannot be
   * banned, is waited with: what TCP holds back meanwhile costs nobody else anything, and is not lost as what we read and drop would be.
   * Of several connections of a source that are read again at once more may come than it may send: that is dropped.
   */
  restMs(host: string): number {
    const nowMs = this.#now()
    const source = this.#sourceOf(host, nowMs)
    const { streamed } = source
    if (streamed === null || !isVouchedFor(source, nowMs)) return 0
    const hard = this.#trustedHard
    const least = Math.max(1, Math.min(PIECE_MESSAGES, hard.burst * PIECE_SHARE))
    if (streamed.msUntil(least, hard, nowMs) === 0) return 0
    this.#tell(source, host, 'requests', nowMs)
    return Math.min(MAX_REST_MS, streamed.msUntil(least + (hard.perSecond * REST_MS) / 1000, hard, nowMs))
  }

  #isAdmittedMethod(method: string, admitted: ReadonlySet<string>): boolean {
    return admitted.has(method) || (method === 'CANCEL' && admitted.has('INVITE'))
  }

  /** Whether this is a source we have an agreement with, or send requests to ourselves. */
  vouchesFor(host: string): boolean {
    const nowMs = this.#now()
    return isVouchedFor(this.#sourceOf(host, nowMs), nowMs)
  }

  /** Whether a new request may have a transaction and be shown. False: it is to be refused without one. */
  takesNew(host: string, method: string): boolean {
    const nowMs = this.#now()
    const source = this.#sourceOf(host, nowMs)
    const isVouched = isVouchedFor(source, nowMs)
    const limit = isVouched ? this.#options.trustedRequests : this.#options.requests
    source.requests ??= new RateBucket(limit, nowMs)
    if (source.requests.take(limit, nowMs)) return !isVouched || !this.#isGuessing(source, method, nowMs)
    this.#refusedFlood++
    if (isVouched) this.#tell(source, host, 'requests', nowMs)
    return false
  }

  /**
   * Whether it has been refused for who it is so often that it may not try again for a while. Others are banned for it; these are not,
   * since somebody may be forging their address, and must not guess passwords for that. Calls of a trunk are never kept out by this.
   */
  #isGuessing({ failures, isTrusted }: Source, method: string, nowMs: number): boolean {
    if (failures === null || !IDENTIFIED.has(method) || (method === 'INVITE' && isTrusted)) return false
    if (!failures.isEmpty(this.#options.failedAuthentications, nowMs)) return false
    this.#refusedFlood++
    return true
  }

  /** Whether a message that could not be read is to be answered, where that is possible. */
  takesMalformed(host: string, isStreamed = false): boolean {
    const nowMs = this.#now()
    const source = this.#sourceOf(host, nowMs)
    const { malformed } = this.#options
    source.malformed ??= new RateBucket(malformed, nowMs)
    if (source.malformed.take(malformed, nowMs)) return true
    this.#droppedMalformed++
    if (isStreamed) this.#spend(source, true, nowMs) // So that it is read no more for a while.
    this.#punish(source, host, 'malformed', nowMs)
    return false
  }

  /** Somebody was refused for who they are. */
  authenticationFailed(host: string): void {
    const nowMs = this.#now()
    const source = this.#sourceOf(host, nowMs)
    const { failedAuthentications } = this.#options
    source.failures ??= new RateBucket(failedAuthentications, nowMs)
    if (!source.failures.take(failedAuthentications, nowMs)) this.#punish(source, host, 'authentication', nowMs)
  }

  /** We send requests there ourselves. */
  corresponds(host: string): void {
    const nowMs = this.#now()
    this.#sourceOf(host, nowMs).knownUntilMs = nowMs + KNOWN_MS
  }

  #sourceOf(host: string, nowMs: number): Source {
    const source = this.#sources.get(sourceKeyOf(host), nowMs)
    // The blocks are walked once for each source and edition of them, not for each packet.
    if (source.edition !== this.#edition) {
      source.edition = this.#edition
      source.isTrusted = this.#trusted.has(host)
    }
    return source
  }

  #punish(source: Source, host: string, offence: Offence, nowMs: number): void {
    if (isVouchedFor(source, nowMs)) this.#tell(source, host, offence, nowMs)
    else this.#ban(source, offence, nowMs)
  }

  #tell(source: Source, host: string, offence: Offence, nowMs: number): void {
    if (nowMs - source.toldAtMs < TELL_AGAIN_MS) return
    source.toldAtMs = nowMs
    this.#notify({ kind: 'limited', host, offence })
  }

  #ban(source: Source, offence: Offence, nowMs: number): void {
    // What it sent in the same breath is the same offence.
    if (source.bannedUntilMs > nowMs) return
    const { banMs, maxBanMs, maxBans } = this.#options
    // As long without one as the longest lasts, and the next is a first one again.
    if (nowMs - source.bannedUntilMs > maxBanMs) source.bans = 0
    const forMs = Math.min(maxBanMs, banMs * 2 ** Math.min(source.bans, 30))
    source.bans++
    source.offence = offence
    source.bannedUntilMs = nowMs + forMs
    source.dropped = 0
    this.#bansTotal++
    this.#bans.delete(source.key)
    if (this.#bans.size >= maxBans) this.#dropOldestBan(nowMs)
    this.#bans.set(source.key, source)
    this.#tellBans ??= new RateBucket(TOLD_BANS, nowMs)
    if (!this.#tellBans.take(TOLD_BANS, nowMs)) {
      this.#untold++
      return
    }
    this.#notify({ kind: 'banned', address: source.key, offence, forMs, untold: this.#untold })
    this.#untold = 0
  }

  #dropOldestBan(nowMs: number): void {
    let oldest: Source | undefined
    for (const source of this.#bans.values()) {
      oldest ??= source
      if (source.bannedUntilMs > nowMs) break
      oldest = source
    }
    if (oldest !== undefined) this.#unban(oldest, nowMs)
  }

  #unban(source: Source, nowMs: number): void {
    // What it had used up is given back, else the next request would ban it again; how often it was banned is remembered.
    source.bannedUntilMs = Math.min(source.bannedUntilMs, nowMs)
    source.requests = source.everything = source.streamed = source.malformed = source.failures = null
    this.#bans.delete(source.key)
  }

  /** Whom nobody listens to, the latest first. */
  bans(): Ban[] {
    const nowMs = this.#now()
    const found: Ban[] = []
    for (const source of this.#bans.values()) {
      const { key, offence, bans, dropped } = source
      const leftMs = source.bannedUntilMs - nowMs
      if (leftMs > 0) found.push({ address: key, offence, leftMs: Math.round(leftMs), times: bans, dropped })
    }
    return found.toReversed()
  }

  /** Lifts a ban, by the address as listed or any address in its block, and forgets earlier ones. False: there was none. */
  lift(address: string): boolean {
    const nowMs = this.#now()
    const source = this.#bans.get(address) ?? this.#bans.get(sourceKeyOf(address))
    if (source === undefined) return false
    const wasBanned = source.bannedUntilMs > nowMs
    this.#unban(source, nowMs)
    source.bans = 0
    return wasBanned
  }

  /** Sources remembered: for tests that look for leaks. */
  get sources(): number {
    return this.#sources.size
  }

  stats(): GuardStats {
    return {
      banned: this.bans().length,
      bansTotal: this.#bansTotal,
      droppedBanned: this.#droppedBanned,
      droppedFlood: this.#droppedFlood,
      droppedMalformed: this.#droppedMalformed,
      droppedScanner: this.#droppedScanner,
      droppedUnknown: this.#droppedUnknown,
      refusedFlood: this.#refusedFlood,
    }
  }
}

function isVouchedFor({ isTrusted, knownUntilMs }: Source, nowMs: number): boolean {
  return isTrusted || knownUntilMs > nowMs
}

function times({ perSecond, burst }: RateLimit, factor: number): RateLimit {
  return { perSecond: perSecond * factor, burst: burst * factor }
}
