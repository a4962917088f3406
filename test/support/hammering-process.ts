import { aBid, aCampaign, anAccount, aTarget, change, dollars } from './market.ts'
import { ReservingGateway, WrittenCalls } from './reserving-stage.ts'
import { NO_CAPS } from '../../model/caps.ts'

// A gateway that takes places as fast as it can and gives them back: `node hammering-process.ts URL MOST TRIES LEASE_MS HOLD`.
// With HOLD it keeps what it has got, says so, and waits to be killed.
const [url, most, tries, leaseMs, hold] = process.argv.slice(2)
const bid = aBid('a', 2)
const caps = { ...NO_CAPS, concurrent: Number(most) }
const book = [
  change.account(anAccount(bid.accountId)),
  change.target(aTarget(bid.targetId, bid.accountId)),
  change.campaign(aCampaign(bid.campaignId, bid.accountId, { caps })),
  change.bid(bid),
]
const written = new WrittenCalls()
written.deposit(bid.accountId, dollars(1e6))
const gateway = new ReservingGateway(book, written, { url: url!, leaseMs: Number(leaseMs) })
gateway.fund(bid.accountId, dollars(1e6))
if (!(await gateway.sharing!.joined(20_000))) throw new Error('the counters were not joined')

/** What it held at the same time, as the counters gave and took it: begun after the answer, ended before giving back. */
let taken = 0
let refused = 0
let held = 0
let mostHeld = 0
await Promise.all(
  Array.from({ length: 50 }, async () => {
    // Whoever finds everything held by others whenever he asks asks on: each has had some in the end.
    for (let i = 0; i < Number(tries) / 50 || taken === 0; i++) {
      const got = await gateway.reserve(bid, dollars(2), { ani: null })
      if (typeof got === 'string') {
        refused++
        await new Promise(setImmediate) // Its own counters refuse at once, before the shared ones have been asked.
        continue
      }
      taken++
      mostHeld = Math.max(mostHeld, ++held)
      if (hold === 'hold') continue
      await new Promise(setImmediate)
      held--
      gateway.giveBack(got)
    }
  }),
)
if (hold !== 'hold') await gateway.settled()
process.stdout.write(`${JSON.stringify({ taken, refused, mostHeld })}\n`)
if (hold === 'hold') setInterval(() => {}, 1000)
else await gateway.close()
