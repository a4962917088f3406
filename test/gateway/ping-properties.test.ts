import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { AccountId, CallId } from '../../model/ids.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import type { PingAnswer } from '../../model/ping.ts'
import { payoutOf } from '../../accounts/settlement.ts'
import { aBid, aCampaign, anAccount, aNumber, change, dollars, marketOf } from '../support/market.ts'
import { PingStage, type SoldCall } from '../support/ping-stage.ts'

const BUYERS = ['a', 'b', 'c'] as const
const CALLERS = ['+12125550123', '+13125550123', '+14155550123'] as PhoneNumber[]
const ZIPS = [null, '78701', '10001']
const MAX_PLACES = 3
const CREDIT = 12
const VALIDITY_MS = 30_000

type Accepted = Extract<PingAnswer, { kind: 'accepted' }>
type Op =
  | { readonly kind: 'ping' | 'call'; readonly caller: number; readonly zip: number }
  | { readonly kind: 'by-token' | 'again'; readonly which: number; readonly caller: number }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'bid'; readonly buyer: number; readonly cents: number }
  | { readonly kind: 'take' | 'fail' | 'end'; readonly which: number; readonly isBilled: boolean }

const index = fc.nat(1000)
const ops: fc.Arbitrary<Op[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('ping', 'call'), caller: index, zip: index }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('by-token', 'again'), which: index, caller: index }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass'), ms: fc.nat(20_000) }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('bid'), buyer: index, cents: fc.integer({ min: 50, max: 600 }) }),
    },
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constantFrom('take', 'fail', 'end'), which: index, isBilled: fc.boolean() }),
    },
  ),
  { minLength: 30, maxLength: 80, size: 'max' },
)

/** What should be, told naively: every ping ever accepted, and every call that is up. */
class Run {
  readonly stage = new PingStage({ validityMs: VALIDITY_MS, maxOpenPerSeller: 5 })
  readonly asked: { answer: Accepted; atMs: number; boundTo: CallId | null }[] = []
  readonly up: { sold: SoldCall; next: number; isPromised: boolean; buyer: AccountId | null }[] = []
  /** Answered calls of each buyer: they stay counted. */
  readonly settled = new Map<AccountId, number>()
  bound = 0
  failedOver = 0

  constructor() {
    for (const [i, id] of BUYERS.entries()) {
      this.stage.apply(...marketOf(aBid(id, 5 - i, { maxConcurrentCalls: i + 1 })))
      this.stage.apply(change.account(anAccount(`${id}-buyer`, { creditLimitMicros: dollars(CREDIT) })))
    }
  }

  play(op: Op): void {
    if (op.kind === 'ping') this.ping(op.caller, op.zip)
    else if (op.kind === 'again') this.again(op.which)
    else if (op.kind === 'call') this.call({ from: CALLERS[op.caller % CALLERS.length]! }, null)
    else if (op.kind === 'by-token') this.callByToken(op.which, op.caller)
    else if (op.kind === 'pass') this.stage.pass(op.ms)
    else if (op.kind === 'bid') {
      const id = BUYERS[op.buyer % BUYERS.length]!
      const places = (BUYERS.indexOf(id) % MAX_PLACES) + 1
      this.stage.apply(change.bid(aBid(id, op.cents / 100, { maxConcurrentCalls: places })))
    } else if ('isBilled' in op && this.up.length > 0) this.goOn(op.kind, op.which, op.isBilled)
    this.look()
  }

  get #open(): Run['asked'] {
    const { nowMs } = this.stage.clock
    return this.asked.filter(({ boundTo, atMs }) => boundTo === null && nowMs - atMs < VALIDITY_MS)
  }

  ping(caller: number, zip: number): void {
    const changes = { caller: CALLERS[caller % CALLERS.length]!, zip: ZIPS[zip % ZIPS.length]! }
    const answer = this.stage.ask(changes)
    if (answer.kind !== 'accepted') return
    const same = this.#open.find((one) => one.answer.token === answer.token)
    assert.equal(answer.isRepeated, same !== undefined)
    if (same) assert.equal(answer.payoutMicros, same.answer.payoutMicros)
    else {
      assert.ok(!this.asked.some((one) => one.answer.token === answer.token), 'a token comes once')
      this.asked.push({ answer, atMs: this.stage.clock.nowMs, boundTo: null })
    }
  }

  /** The very same ping as one of before: whether it is the same bid depends on whether that one is open. */
  again(which: number): void {
    const one = this.asked[which % Math.max(1, this.asked.length)]
    const decision = one && this.stage.pings.decision(one.answer.auctionId)
    if (!one || !decision) return
    const isOpen = this.#open.includes(one)
    const { ani, zip } = decision.request
    const answer = this.stage.ask({ caller: ani, zip: zip?.zip ?? null })
    if (isOpen) assert.ok(answer.kind === 'accepted' && answer.token === one.answer.token)
    else if (answer.kind === 'accepted' && !answer.isRepeated)
      this.asked.push({ answer, atMs: this.stage.clock.nowMs, boundTo: null })
  }

  callByToken(which: number, caller: number): void {
    const one = this.asked[which % Math.max(1, this.asked.length)]
    if (!one) return
    const from = CALLERS[caller % CALLERS.length]!
    this.call(which % 2 ? { uri: one.answer.sipUri, from } : { token: one.answer.token, from }, one)
  }

  call(options: Parameters<PingStage['call']>[0], wanted: Run['asked'][number] | null): void {
    const open = this.#open
    let sold: SoldCall
    try {
      sold = this.stage.call(options)
    } catch {
      assert.ok(wanted === null || !open.includes(wanted), 'the call of an open ping is always sold')
      return // Nobody buys it.
    }
    const ping = this.asked.find(({ answer }) => answer.auctionId === sold.call.auction!.id)
    assert.equal(sold.call.promised !== null, ping !== undefined)
    if (wanted)
      assert.equal(ping, open.includes(wanted) ? wanted : undefined, 'a token finds its ping, once and in time')
    if (ping) {
      assert.equal(ping.boundTo, null, 'two calls on one token')
      assert.ok(open.includes(ping), 'an expired ping sells nothing')
      ping.boundTo = sold.call.id
      this.bound++
      const price = sold.awards[0]!.priceMicros
      assert.equal(payoutOf(aNumber().payout, price, 0), ping.answer.payoutMicros, 'exactly what was quoted')
      const { buyerId } = sold.awards[0]!
      this.up.push({ sold, next: 0, isPromised: true, buyer: buyerId })
    } else this.up.push({ sold, next: 0, isPromised: false, buyer: null })
  }

  goOn(kind: 'take' | 'fail' | 'end', which: number, isBilled: boolean): void {
    const at = which % this.up.length
    const one = this.up[at]!
    if (kind === 'take' && (one.buyer === null || one.isPromised)) {
      const award = one.sold.awards[one.next++]
      if (!award) return
      const taken = one.sold.take(award)
      if (one.isPromised) assert.ok(typeof taken !== 'string', 'what was promised is there')
      else if (one.sold.call.auction && this.asked.some(({ boundTo }) => boundTo === one.sold.call.id))
        this.failedOver++
      one.isPromised = false
      one.buyer = typeof taken === 'string' ? null : award.buyerId
    } else if (kind === 'fail' && !one.isPromised) {
      one.sold.fail()
      one.buyer = null
    } else if (kind === 'end') {
      one.sold.end(isBilled)
      this.up.splice(at, 1)
      if (one.buyer && !one.isPromised) this.settled.set(one.buyer, (this.settled.get(one.buyer) ?? 0) + 1)
    }
  }

  /** Nothing is kept but for open pings and for calls that are up; nobody has more than its places or its money. */
  look(): void {
    const { stage } = this
    stage.pass(0)
    const kept = this.#open.length + this.up.filter(({ buyer }) => buyer !== null).length
    assert.deepEqual(stage.kept(), { holds: kept, reservations: kept })
    assert.equal(stage.pings.openCount, this.#open.length)
    assert.ok(this.#open.length <= 5)
    for (const id of BUYERS) {
      const held = stage.parts.balances.heldMicros(`${id}-buyer` as AccountId)
      assert.ok(held <= dollars(CREDIT), `${id} has promised more than it has`)
    }
  }

  /** When all is over, all is as before, but for what was settled. */
  finish(): void {
    const { stage } = this
    for (const { sold } of this.up.splice(0)) {
      sold.fail()
      sold.end()
    }
    stage.pass(VALIDITY_MS)
    assert.deepEqual(stage.kept(), { holds: 0, reservations: 0 })
    for (const [i, id] of BUYERS.entries()) {
      const buyer = `${id}-buyer` as AccountId
      assert.equal(stage.parts.balances.heldMicros(buyer), 0n)
      for (const other of BUYERS) {
        const status = other === id ? 'active' : 'paused'
        stage.apply(change.bid(aBid(other, 2, { maxConcurrentCalls: BUYERS.indexOf(other) + 1, status })))
      }
      // A place that leaked would be missing now, a call counted twice would fill a cap too early.
      const settled = this.settled.get(buyer) ?? 0
      const cap = (total: number): void =>
        stage.apply(
          change.campaign(
            aCampaign(`${id}-campaign`, buyer, {
              caps: { hourly: null, daily: null, monthly: null, total, concurrent: null },
            }),
          ),
        )
      if (settled > 0) {
        cap(settled)
        assert.equal(stage.ask({ caller: CALLERS[0]! }).kind, 'rejected', 'its calls were forgotten')
      }
      cap(settled + i + 1)
      for (let place = 0; place <= i; place++) stage.accepted({ caller: CALLERS[place]! })
      assert.equal(stage.ask({ caller: CALLERS[0]!, zip: '60601' }).kind, 'rejected', 'more places than it has')
      stage.pass(VALIDITY_MS)
    }
  }
}

describe('pings and calls in whatever order', () => {
  it('never bind two calls to one token, quote what is then charged, and leak neither holds nor places', function () {
    this.timeout(120_000)
    let bound = 0
    let failedOver = 0
    fc.assert(
      fc.property(ops, (played) => {
        const run = new Run()
        for (const op of played) run.play(op)
        run.finish()
        bound += run.bound
        failedOver += run.failedOver
      }),
      { numRuns: 1500 },
    )
    assert.ok(
      bound > 1000 && failedOver > 50,
      `the cases were not much of a test: ${bound} bound, ${failedOver} failed over`,
    )
  })
})
