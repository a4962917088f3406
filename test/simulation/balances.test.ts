import assert from 'node:assert/strict'
import { createBalances } from '../../accounts/holds.ts'
import { createTransfer } from '../../accounts/ledger.ts'
import { settle } from '../../accounts/settlement.ts'
import type { Account } from '../../model/account.ts'
import type { AccountId, AwardId, CallId, CampaignId, PostingId } from '../../model/ids.ts'
import { newId } from '../../model/ids.ts'
import { CENT } from '../../model/money.ts'
import type { Hold, Posting } from '../../model/ledger.ts'
import { anAccount, change, dollars } from '../support/market.ts'
import { Auditor } from './auditor.ts'
import { Dice } from './dice.ts'

const STEPS = 10_000
const BUYERS = ['buyer 1', 'buyer 2', 'buyer 3', 'buyer 4'] as AccountId[]
const SELLERS = ['seller 1', 'seller 2'] as AccountId[]
const OPERATOR = 'operator' as AccountId
const EXTERNAL = 'external' as AccountId

describe('balances and holds over many random operations', function () {
  this.timeout(120_000)

  it('are what a naive auditor says, and sum to nothing', () => {
    const dice = new Dice()
    const auditor = new Auditor()
    const balances = createBalances({ clock: { now: () => 0 }, newId })
    const open: Hold[] = []
    const ended: Hold[] = []
    const postings: Posting[] = []

    const setAccount = (account: Account): void => {
      balances.apply(change.account(account))
      auditor.account(account)
    }
    const announce = (posting: Posting): void => {
      balances.apply({ kind: 'posting', posting })
      auditor.posting(posting)
      postings.push(posting)
    }
    const callPosting = (hold: Hold): Posting | null =>
      settle({
        terms: {
          awardId: 'award' as AwardId,
          holdId: hold.id,
          buyerId: hold.accountId,
          sellerId: dice.pick(SELLERS),
          campaignId: 'campaign' as CampaignId,
          currency: hold.currency,
          priceMicros: hold.amountMicros,
          billableAfter: 30,
          payout: dice.onceIn(2)
            ? { type: 'share', shareMillionths: BigInt(dice.roll(1_000_001)) }
            : { type: 'fixed', amountMicros: BigInt(dice.roll(20_000_000)) },
        },
        durationMs: dice.roll(100_000),
        endedAt: new Date(0),
        postingId: newId<PostingId>(),
        callId: hold.callId,
        operatorId: OPERATOR,
      }).posting
    const end = (hold: Hold): void => {
      const posting = dice.onceIn(3) ? null : callPosting(hold)
      const isFirst = auditor.end(hold.id)
      if (posting === null) assert.equal(balances.void(hold), isFirst)
      else {
        assert.equal(balances.post(hold, posting), isFirst)
        if (isFirst) {
          auditor.posting(posting)
          postings.push(posting)
        }
      }
    }

    for (const id of BUYERS) setAccount(anAccount(id, { creditLimitMicros: dollars(dice.roll(20)) }))
    for (const id of SELLERS) setAccount(anAccount(id, { type: 'seller' }))
    setAccount(anAccount(OPERATOR, { type: 'operator' }))
    setAccount(anAccount(EXTERNAL, { type: 'external' }))

    dice.tell(STEPS, (step) => {
      const buyer = dice.pick(BUYERS)
      const action = dice.roll(20)
      if (action < 9) {
        const amount = BigInt(dice.roll(1000)) * CENT
        const expected = auditor.verdict(buyer, amount)
        const hold = balances.hold(buyer, `call ${step}` as CallId, amount, 'USD')
        assert.equal(typeof hold === 'string' ? hold : 'held', expected)
        if (typeof hold !== 'string') {
          auditor.hold(hold)
          open.push(hold)
        }
      } else if (action < 16 && open.length > 0) {
        const [hold] = open.splice(dice.roll(open.length), 1)
        end(hold!)
        ended.push(hold!)
      } else if (action === 16 && ended.length > 0) {
        end(dice.pick(ended)) // A second CDR of the same call.
      } else if (action === 17 && postings.length > 0) {
        announce(dice.pick(postings.slice(-1000))) // An echo.
      } else if (action === 18) {
        setAccount(
          anAccount(buyer, {
            status: dice.onceIn(4) ? 'suspended' : 'active',
            creditLimitMicros: dollars(dice.roll(30)),
          }),
        )
      } else if (action === 19) {
        const kind = dice.onceIn(3) ? 'payout' : 'deposit'
        announce(
          createTransfer({
            id: newId<PostingId>(),
            kind,
            currency: 'USD',
            reference: `${kind} ${step}`,
            postedAt: new Date(0),
            accountId: kind === 'payout' ? dice.pick(SELLERS) : buyer,
            externalId: EXTERNAL,
            amountMicros: BigInt(1 + dice.roll(60_000_000)),
          }),
        )
      }
      if (step % 10 === 0) auditor.check(balances, buyer)
      if (step % 500 === 0) auditor.checkAll(balances)
    })
    for (const hold of open) end(hold)
    auditor.checkAll(balances)
    assert.equal(balances.holdCount, 0)
  })
})
