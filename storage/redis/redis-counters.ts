import { strict as assert } from 'node:assert'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { AccountRebuilt, Billed, ClaimEnd, Heard, ReserveAnswer, SharedCounters } from '../../gateway/needs.ts'
import {
  MOST_SHARED_MICROS,
  type Claim,
  type ClaimState,
  type ContactClaim,
  type CounterClaim,
  type CounterTotals,
} from '../../model/claim.ts'
import type { AccountId, HoldId, PostingId } from '../../model/ids.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import { RedisLink, Script, type RedisLinkOptions } from './redis-link.ts'

const textOf = (file: string): string => readFileSync(new URL(file, import.meta.url), 'utf8')
const COUNTING = textOf('counting.lua')
const RESERVE = new Script(COUNTING + textOf('reserve.lua'))
const COUNTERS = new Script(COUNTING + textOf('counters.lua'))

/** The first to see a new run of the server, or an empty one, begins an epoch: what was counted before no longer counts. */
const EPOCH = new Script(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local found = redis.call('HMGET', KEYS[1], 'run', 'id', 'since')
if found[1] == ARGV[1] then return { found[2], now - found[3] } end
redis.call('HSET', KEYS[1], 'run', ARGV[1], 'id', ARGV[2], 'since', now)
return { ARGV[2], 0 }`)

/** Its number changes with the form of what is kept: gateways that know another one do not read ours. */
const EPOCH_KEY = 'dce:epoch:2'
/** How long one gateway may take to rebuild an account's counters before another tries, ms. */
const BUILD_MS = 5000
/** Contacts sent at a time while counters are rebuilt. */
const CONTACTS_PAGE = 500
/** How often what dead processes have left is cleared, 16 claims at a time, before an award that it is in the way of is given up. */
const MOST_CLEARINGS = 64
const STATES: readonly ClaimState[] = ['reserved', 'answered', 'settled', 'orphaned']
const NO_LIMIT = -1
/** No period has so low a number. */
const EMPTY = -1e9

/**
 * The counters of several gateways, in Redis: one script for all that is a buyer's, and the same for what is a seller's, each in one round trip.
 * Every method rejects when there is no answer in time; `unknown` says that the counters are not there, or not of the epoch that was joined.
 */
export class RedisCounters implements SharedCounters {
  readonly #link: RedisLink
  readonly #leaseMs: number
  /** In a cluster: what was told last of each claim, and has not been heard. */
  readonly #turns = new Map<string, Promise<unknown>>()
  readonly #isCluster: boolean
  #epoch = ''
  onReady: () => void = () => {}
  onLost: () => void = () => {}

  constructor(options: RedisLinkOptions & { readonly leaseMs: number }) {
    this.#leaseMs = options.leaseMs
    this.#isCluster = options.cluster !== undefined
    this.#link = new RedisLink(
      options,
      () => this.onReady(),
      () => this.onLost(),
    )
  }

  get isConnected(): boolean {
    return this.#link.isReady
  }

  async join(): Promise<{ readonly isNew: boolean; readonly ageMs: number }> {
    const [id, ageMs] = answerOf(await this.#link.run(EPOCH, [EPOCH_KEY], [await this.#link.runId(), randomUUID()]))
    const isNew = id !== this.#epoch
    this.#epoch = String(id)
    return { isNew, ageMs: Number(ageMs) }
  }

  reserve(claim: Claim): Promise<ReserveAnswer> {
    return this.#reserve(claim, claim.buyerId, claim.counters, claim.contact, 'reserved', true)
  }

  reserveSeller(claim: Claim): Promise<ReserveAnswer> {
    const { id, counter } = claim.seller!
    return this.#reserve(claim, id, [counter], null, 'reserved', true)
  }

  adopt(claim: Claim, state: ClaimState): Promise<ReserveAnswer> {
    return this.#reserve(claim, claim.buyerId, claim.counters, claim.contact, state, false)
  }

  adoptSeller(claim: Claim, state: ClaimState): Promise<ReserveAnswer> {
    const { id, counter } = claim.seller!
    return this.#reserve(claim, id, [counter], null, state, false)
  }

  async end(accountId: AccountId, id: HoldId, end: ClaimEnd, billed: Billed): Promise<Heard | 'gone'> {
    const { priceMicros, fundsMicros } = billed
    const args = [id, exact(priceMicros), exact(fundsMicros)]
    const [code] = await this.#inTurn(`${accountId} ${id}`, () => this.#ask(accountId, end, args))
    return code === 'gone' ? code : heard(code)
  }

  async renew(accountId: AccountId, ids: readonly HoldId[]): Promise<readonly HoldId[] | 'unknown'> {
    const [code, ...missing] = await this.#ask(accountId, 'renew', ['', this.#leaseMs, ...ids])
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Some of the ids it was given.
    return code === 'ok' ? (missing as HoldId[]) : 'unknown'
  }

  async callsFrom(claim: Claim, contact: ContactClaim): Promise<'ok' | 'frequency' | 'unknown'> {
    const { ani, keepMs } = contact
    const args = [claim.id, ani, memberOf(claim.id, contact), claim.atMs, keepMs, ...ruleArgs(contact, claim.atMs)]
    const [code] = await this.#ask(claim.buyerId, 'caller', args, contact)
    return code === 'frequency' || code === 'ok' ? code : 'unknown'
  }

  async adjust(accountId: AccountId, postingId: PostingId, version: number, micros: number): Promise<Heard> {
    return heard((await this.#ask(accountId, 'adjust', [postingId, version, exact(micros)]))[0])
  }

  async rebuild(accountId: AccountId, read: () => Promise<AccountRebuilt>): Promise<boolean> {
    const lock = `dce:{${accountId}}:building`
    if (!(await this.#link.takeLock(lock, BUILD_MS))) return false
    try {
      // Somebody may have been at it when we asked, and be done by now.
      if ((await this.renew(accountId, [])) !== 'unknown') return true
      const { balanceMicros, version, totals, claims, kept, contacts } = await read()
      for (let at = 0; at < contacts.length; at += CONTACTS_PAGE) {
        const page = contacts
          .slice(at, at + CONTACTS_PAGE)
          .map(({ id, atMs, isBilled, ...contact }) => [
            contact.ani,
            atMs,
            memberOf(id, contact),
            contact.keepMs,
            isBilled,
          ])
        await this.#ask(accountId, 'contacts', [JSON.stringify(page)])
      }
      const built = {
        balance: exact(balanceMicros),
        version,
        counters: Object.fromEntries(totals.map((counter) => [counter.name, packTotals(counter)])),
        claims: Object.fromEntries([
          ...claims.map(({ claim, state }) => {
            const isBuyers = claim.buyerId === accountId
            const { counters, contact } = isBuyers ? claim : { counters: [claim.seller!.counter], contact: null }
            return [claim.id, claimLines(claim, state, contact) + periodsOf(counters)]
          }),
          ...kept.map(({ id, fundsMicros }) => [id, keptLines(fundsMicros)]),
        ]),
      }
      await this.#ask(accountId, 'load', [JSON.stringify(built), this.#leaseMs])
    } finally {
      await this.#link.dropLock(lock).catch(() => {})
    }
    return true
  }

  close(): void {
    this.#link.close()
  }

  async #reserve(
    claim: Claim,
    accountId: AccountId,
    counters: readonly CounterClaim[],
    contact: ContactClaim | null,
    state: ClaimState,
    isJudged: boolean,
  ): Promise<ReserveAnswer> {
    const { id, atMs, priceMicros, fundsMicros } = claim
    const creditMicros = accountId === claim.buyerId && exact(claim.creditMicros)
    const numbers = [
      this.#leaseMs,
      STATES.indexOf(state),
      isJudged,
      exact(priceMicros),
      exact(fundsMicros),
      creditMicros,
    ]
    for (const counter of counters) pushLimits(numbers, counter)
    const kept = contact !== null && contact.keepMs > 0 ? contact : null
    const args = [this.#epoch, id, claimLines(claim, state, kept), periodsOf(counters), JSON.stringify(numbers)]
    if (kept) args.push(String(atMs), memberOf(id, kept), String(kept.keepMs), ...ruleArgs(kept, atMs))
    const keys = this.#keys(accountId, kept)
    for (let clearings = 0; clearings < MOST_CLEARINGS; clearings++) {
      const [code, second, ...free] = answerOf(await this.#link.run(RESERVE, keys, args))
      if (code === 'ok') return { kind: 'ok', availableMicros: Number(second), free: free.map(Number) }
      if (code === 'concurrency' || code === 'cap') return { kind: code, counter: counters[Number(second) - 1]!.name }
      if (code !== 'expired') {
        assert(
          code === 'frequency' || code === 'budget' || code === 'funds' || code === 'unknown',
          `Redis said ${code}`,
        )
        return { kind: code }
      }
      await this.#ask(accountId, 'expire', [''])
    }
    throw new Error(`more is left by dead processes than can be cleared while a call waits`)
  }

  async #ask(
    accountId: AccountId,
    todo: string,
    args: readonly (string | number)[],
    contact: ContactClaim | null = null,
  ): Promise<readonly string[]> {
    const answer = await this.#link.run(COUNTERS, this.#keys(accountId, contact), [todo, this.#epoch, ...args])
    return answerOf(answer).map(String)
  }

  /** Where a cluster moves a slot, a question follows it, and may come behind a later one: of one claim each waits for the one before it. */
  #inTurn<T>(claim: string, ask: () => Promise<T>): Promise<T> {
    if (!this.#isCluster) return ask()
    const turn = this.#turns.get(claim)?.then(ask, ask) ?? ask()
    this.#turns.set(claim, turn)
    const end = (): unknown => this.#turns.get(claim) === turn && this.#turns.delete(claim)
    turn.then(end, end)
    return turn
  }

  #keys(accountId: AccountId, contact: ContactClaim | null): string[] {
    const state = `dce:{${accountId}}`
    const keys = [state, `${state}:leases`]
    if (contact !== null && contact.keepMs > 0)
      keys.push(this.#callersKey(state, 'from', contact.ani), this.#callersKey(state, 'won', contact.ani))
    return keys
  }

  #callersKey(state: string, kind: 'from' | 'won', ani: PhoneNumber): string {
    return `${state}:${kind}:${this.#epoch}:${ani}`
  }
}

function heard(code: string | undefined): Heard {
  return code === 'ok' || code === 'building' ? code : 'unknown'
}

function answerOf(answer: unknown): readonly (string | number)[] {
  assert(Array.isArray(answer), 'a script of ours answers with a list')
  return answer
}

/** Money as Redis counts it, in doubles: exact, or not counted at all. */
function exact(micros: number): number {
  assert(Math.abs(micros) <= MOST_SHARED_MICROS, `${micros} micros are too many to share`)
  return micros
}

function pushLimits(numbers: (number | boolean)[], { caps, dailyMicros, totalMicros }: CounterClaim): void {
  numbers.push(
    caps.concurrent ?? NO_LIMIT,
    caps.hourly ?? NO_LIMIT,
    caps.daily ?? NO_LIMIT,
    caps.monthly ?? NO_LIMIT,
    caps.total ?? NO_LIMIT,
    exact(dailyMicros ?? NO_LIMIT),
    exact(totalMicros ?? NO_LIMIT),
  )
}

/** A claim as it is kept: its lines, and its counters. */
function claimLines(
  { id, priceMicros, atMs, fundsMicros }: Claim,
  state: ClaimState,
  kept: ContactClaim | null,
): string {
  const caller = kept ? `${kept.ani}\n${memberOf(id, kept)}` : '\n'
  return `${STATES.indexOf(state)}\n${exact(priceMicros)}\n${atMs}\n${caller}\n${exact(fundsMicros)}\n`
}

function periodsOf(counters: readonly CounterClaim[]): string {
  return JSON.stringify(counters.flatMap(({ name, hour, day, month }) => [name, hour, day, month]))
}

/** What is left of a claim whose call is over: funds. */
function keptLines(fundsMicros: number): string {
  return `${STATES.indexOf('orphaned')}\n0\n0\n\n\n${exact(fundsMicros)}\n[]`
}

function memberOf(id: string, { campaignId, targetId }: Pick<ContactClaim, 'campaignId' | 'targetId'>): string {
  return `${id}|c:${campaignId}|t:${targetId}|`
}

/** Most calls, since when, of what, billed ones alone. */
function ruleArgs(contact: ContactClaim, atMs: number): string[] {
  const { rule } = contact
  if (!rule) return ['0', '0', '', '0']
  const scopes = { campaign: `|c:${contact.campaignId}|`, target: `|t:${contact.targetId}|`, buyer: '' }
  const since = atMs - rule.hours * 3_600_000
  return [String(rule.calls), String(since), scopes[rule.per ?? 'campaign'], rule.after === 'converted' ? '1' : '0']
}

/** As the scripts keep it: of each period the newest two, the newest first. */
function packTotals({ calls, micros, hours, days, months }: CounterTotals): number[] {
  const packed = [0, calls, micros]
  for (const [periods, hasMoney] of [
    [hours, false],
    [days, true],
    [months, false],
  ] as const) {
    const newest = periods.toSorted((one, other) => other.period - one.period)
    for (const nth of [0, 1]) {
      const one = newest[nth]
      packed.push(one?.period ?? EMPTY, one?.calls ?? 0)
      if (hasMoney) packed.push(one?.micros ?? 0)
    }
  }
  return packed
}
