import assert from 'node:assert/strict'
import { createBalances } from '../../accounts/holds.ts'
import type { Auction } from '../../model/auction.ts'
import type { BookChange } from '../../model/book.ts'
import type { CallId } from '../../model/ids.ts'
import { newId } from '../../model/ids.ts'
import type { Hold } from '../../model/ledger.ts'
import { createRouting, type Reservation } from '../../routing/route-call.ts'
import { aBid, anAccount, aNumber, aRequest, CALLER, change, dollars, marketOf, NOON } from '../support/market.ts'
import { Dice } from './dice.ts'

const BIDS = 100
const CALL = 'call' as CallId

/**
 * A hundred buyers bid for one call while its bidding closes, its auction is held and its awards are rung one after another; bids come,
 * are lowered and paused, and buyers run out of money, at any moment between two steps. The dice say who goes next.
 */
function race(dice: Dice): {
  inTime: Set<string>
  auction: Auction
  answered: string[]
  holds: number
  reservations: number
} {
  const clock = { now: () => NOON }
  const balances = createBalances({ clock, newId })
  const routing = createRouting({ availableMicros: (id) => balances.availableMicros(id), clock, newId })
  const apply = (changes: readonly BookChange[]): void => {
    for (const one of changes) for (const part of [routing, balances]) part.apply(one)
  }
  const number = aNumber({ liveBiddingMs: 500 })
  const inTime = new Set<string>()
  const answered: string[] = []
  let auction: Auction | null = null
  let next = 0
  let ringing: { reservation: Reservation; hold: Hold } | null = null

  const buyers = Array.from({ length: BIDS }, (_, i) => {
    const bid = aBid(`bid${i}`, 2 + dice.roll(5), { callId: CALL })
    let steps = 1 + dice.roll(3)
    return {
      isDone: () => steps === 0,
      step() {
        steps--
        if (!routing.hasBid(bid.id)) {
          const [account, ...rest] = marketOf(bid)
          assert.equal(account!.kind, 'account')
          apply([change.account(anAccount(bid.accountId, { creditLimitMicros: dollars(100) })), ...rest])
          if (routing.hasBid(bid.id)) inTime.add(bid.id)
          return
        }
        const lowered = change.bid({ ...bid, amountMicros: dollars(1 + dice.roll(3)) })
        const paused = change.bid({ ...bid, status: 'paused' })
        const poor = change.account(anAccount(bid.accountId, { creditLimitMicros: 0n }))
        apply([dice.pick([lowered, lowered, paused, poor])])
      },
    }
  })
  /** The gateway's steps, in their order: each is one turn of its thread. */
  const call = {
    stage: 0,
    isDone: () => call.stage === 4,
    step() {
      if (call.stage === 0) routing.openBidding(CALL)
      else if (call.stage === 1) routing.closeBidding(CALL)
      else if (call.stage === 2) auction = routing.auction(aRequest({ number, callId: CALL }))
      else return ring()
      call.stage++
    },
  }
  function ring(): void {
    if (ringing !== null) {
      const award = auction!.awards[next - 1]!
      if (dice.onceIn(3)) {
        answered.push(award.bidId)
        call.stage++
        return
      }
      ringing.reservation.release()
      balances.void(ringing.hold)
      ringing = null
    }
    const award = auction!.awards[next++]
    if (award === undefined) {
      call.stage++
      return
    }
    const reservation = routing.reserve(award, CALL, CALLER, NOON)
    if (typeof reservation === 'string') return
    const hold = balances.hold(award.buyerId, CALL, award.priceMicros, 'USD')
    if (typeof hold === 'string') reservation.release()
    else ringing = { reservation, hold }
  }

  // The auction comes late enough for many to have bid, and early enough for many to come too late.
  const closesAfter = dice.roll(2 * BIDS)
  for (let turn = 0; ; turn++) {
    const waiting = buyers.filter((buyer) => !buyer.isDone())
    const isCallsTurn = turn === 0 || waiting.length === 0 || (turn > closesAfter && dice.onceIn(4))
    if (isCallsTurn && !call.isDone()) call.step()
    else if (waiting.length > 0) dice.pick(waiting).step()
    else break
  }
  return { inTime, auction: auction!, answered, holds: balances.holdCount, reservations: routing.stats().reservations }
}

describe('a hundred bids racing for one call', () => {
  it('have exactly one award when somebody answers, one hold and one place, whoever goes first', () => {
    const first = new Dice()
    let sold = 0
    let late = 0
    for (let run = 0; run < 300; run++) {
      const dice = new Dice(first.seed + run)
      const { inTime, auction, answered, holds, reservations } = race(dice)
      const why = `DCE_TEST_SEED=${dice.seed}`
      assert.ok(answered.length <= 1, why)
      assert.deepEqual([holds, reservations], [answered.length, answered.length], why)
      for (const id of answered) assert.ok(inTime.has(id), why)
      const named = [...auction.awards, ...auction.nonBids].map(({ bidId }) => bidId)
      assert.deepEqual(new Set(named), inTime, why)
      assert.equal(named.length, inTime.size, why)
      for (const award of auction.awards) assert.ok(award.priceMicros <= award.amountMicros, why)
      sold += answered.length
      late += BIDS - inTime.size
    }
    assert.ok(sold > 150 && sold < 300 && late > 3000, `${sold} sold, ${late} late`)
  })

  it('comes out the same again from the same seed', () => {
    const again = (seed: number) => {
      const { auction, answered, inTime } = race(new Dice(seed))
      return {
        answered,
        inTime: [...inTime],
        awards: auction.awards.map(({ bidId, priceMicros }) => [bidId, priceMicros]),
      }
    }
    for (let seed = 1; seed <= 20; seed++) assert.deepEqual(again(seed), again(seed))
  })
})
