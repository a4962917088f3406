import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { eventually, type Exchange, startExchange } from '../support/exchange.ts'
import { Market } from '../support/call-market.ts'
import { freezeTree, thaw } from '../support/frozen.ts'
import { hireAgent, Phone } from '../support/registered-phone.ts'

const BUYER = 'uas-answer-caller-hangs-up-expect-200.xml'
const CALLER = 'uac-answered-caller-hangs-up-expect-200.xml'
const ANSWERED = { outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up', hung_up_by: 'caller' }

describe('calls while Postgres is away', function () {
  this.timeout(120_000)
  let exchange: Exchange
  before(async function () {
    if (process.platform !== 'linux') this.skip() // The processes are found in /proc.
    exchange = await startExchange(this)
  })
  after(() => exchange?.close())

  it('go on, and new ones are taken, when it is killed; their records are there afterwards', async () => {
    const market = await Market.open(exchange)
    const buyer = await market.buyer(BUYER, { play: { calls: 2 } })
    const going = await market.startCall(CALLER, { pauseMs: 2000 })
    await market.answered()
    // Once they stand still nobody starts another, nor ends before it is its turn.
    for (const pid of await freezeTree(await postgres(exchange))) process.kill(pid, 'SIGKILL')
    await market.call(CALLER)
    await market.went(going)
    await market.went(buyer.run)
    await assertBothSettled(market)
  })

  it('go on, and new ones are taken, when it hangs; their records are there afterwards', async () => {
    const market = await Market.open(exchange)
    const buyer = await market.buyer(BUYER, { play: { calls: 2 } })
    const going = await market.startCall(CALLER, { pauseMs: 6000 })
    await market.answered()
    const frozen = await freezeTree(await postgres(exchange))
    try {
      // The answer waits until the sale is durable: here until the spool has it, some seconds later.
      await market.call(CALLER)
      await market.went(going)
    } finally {
      thaw(...frozen)
    }
    await market.went(buyer.run)
    await assertBothSettled(market)
  })
})

describe('registrations while Postgres is away', function () {
  this.timeout(120_000)
  let exchange: Exchange
  before(async function () {
    if (process.platform !== 'linux') this.skip()
    exchange = await startExchange(this)
  })
  after(() => exchange?.close())

  it('are taken and rung at once, and written down when it is back', async () => {
    const market = await Market.open(exchange)
    const { username, user } = await hireAgent(market)
    const phone = await Phone.open(exchange, username)
    const frozen = await freezeTree(await postgres(exchange))
    try {
      await phone.register()
      const caller = await market.startCall(CALLER)
      const invite = await phone.peer.receive('INVITE')
      assert.ok(invite.get('x-dce-call-id'))
      phone.peer.reply(invite, 486, 'Busy Here', { contact: null })
      await caller.stop()
    } finally {
      thaw(...frozen)
      await phone.close()
    }
    const { bindings } = await eventually(
      () => exchange.api.request<{ bindings: unknown[] }>('GET', `/api/v1/sip-users/${user.id}`),
      () => 'the API did not come back',
    )
    assert.equal(bindings.length, 1)
    await market.close()
  })
})

/** Two answered calls, each recorded and billed once. */
async function assertBothSettled(market: Market): Promise<void> {
  const records = await market.records(2, 20_000)
  assert.equal(records.length, 2)
  for (const { outcome, sip_status, end_reason, hung_up_by } of records) {
    assert.deepEqual({ outcome, sip_status, end_reason, hung_up_by }, ANSWERED)
  }
  assert.equal(await market.balanceOf(market.buyers[0]!.account), '98.00', 'each is billed once')
  await market.settled()
  // A call that has ended is listed from memory until it is spooled, and its posting is in the database when the spool is replayed.
  let posted = 0
  await eventually(
    async () => {
      posted = (await market.exchange.api.listAll(`accounts/${market.seller.id}/ledger`)).length
      return posted >= 2 ? true : undefined
    },
    () => `${posted} postings of the seller's, not 2`,
  )
  assert.equal(posted, 2)
}

/** The process of the embedded server, which starts all others. */
async function postgres(exchange: Exchange): Promise<number> {
  const file = await readFile(join(exchange.process.dataDirectory, 'postgres/postmaster.pid'), 'utf8')
  const server = Number(file.split('\n')[0])
  assert.ok(server > 1, `${server} is a process id`)
  return server
}
