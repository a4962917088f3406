import assert from 'node:assert/strict'
import type { Account } from '../../model/account.ts'
import { Dice } from './dice.ts'
import { openInMemory, openOnPostgres, type Durable } from './ledger-durable.ts'
import { someAccounts } from './ledger-market.ts'
import { Story } from './ledger-story.ts'

/** Events: `npm run test:long` asks for a million. */
const EVENTS = Number(process.env['DCE_LEDGER_EVENTS'] ?? 20_000)
const EVENTS_ON_POSTGRES = Number(process.env['DCE_LEDGER_EVENTS_ON_POSTGRES'] ?? 1_000)

/** Everything stored is read again every so many turns, and oftener than that many times only in short runs: it takes longer each time. */
const TURNS = 20
const COMPARISONS = 1_000

async function tell(events: number, open: (accounts: readonly Account[]) => Promise<Durable> | Durable): Promise<void> {
  const dice = new Dice()
  const accounts = someAccounts(dice)
  const durable = await open([...accounts.values()])
  try {
    const story = new Story(dice, durable, accounts)
    const turns = Math.max(TURNS, Math.ceil(events / COMPARISONS))
    for (let turn = 1; story.events < events; turn++) {
      await story.turn()
      if (turn % turns === 0) await story.compareStored()
    }
    await story.finish()
    assert.ok(story.crashes > 0 && story.refusals > 0, 'there were crashes and refusals')
  } catch (error) {
    throw new Error(`DCE_TEST_SEED=${dice.seed}: ${(error as Error).message}`, { cause: error })
  } finally {
    await durable.close()
  }
}

describe('the ledger, beside a second one that knows nothing of it', function () {
  this.timeout(7_200_000)

  it(`agrees after ${EVENTS} random events with repeats, reorders and crashes`, () => tell(EVENTS, openInMemory))

  it(`agrees after ${EVENTS_ON_POSTGRES} of them through the one writer and the stores, on PostgreSQL`, () =>
    tell(EVENTS_ON_POSTGRES, openOnPostgres))
})
