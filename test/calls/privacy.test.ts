import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { type Exchange, startExchange } from '../support/exchange.ts'
import { Market } from '../support/call-market.ts'

const BUYER = 'uas-answer-caller-hangs-up-expect-200.xml'
const CALLER = 'uac-answered-caller-hangs-up-expect-200.xml'
const UNSOLD = 'uac-no-sale-expect-480.xml'
const CONSUMER = '+12125550187'

describe('the numbers of calls', function () {
  this.timeout(90_000)
  let exchange: Exchange
  before(async function () {
    exchange = await startExchange(this)
  })
  after(() => exchange?.close())

  it('stand in no line of the log, and nowhere any more once they are erased', async () => {
    const keys = { ani: CONSUMER }
    const sold = await Market.open(exchange)
    await sold.buyer(BUYER)
    await sold.call(CALLER, { keys })
    const answered = await sold.ended({ outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up' })
    const unsold = await Market.open(exchange)
    await unsold.call(UNSOLD, { keys })
    await unsold.ended({ outcome: 'no_sale', sip_status: 480, end_reason: 'no_sale', hung_up_by: 'exchange' })
    const sip = async () => JSON.stringify(await exchange.api.request('GET', `/api/v1/calls/${answered.id}/sip`))
    assert.ok((await sip()).includes('2125550187'))

    const body = { number: CONSUMER, reason: `a letter about ${CONSUMER}` }
    const erasure = await exchange.api.request<Record<string, unknown>>('POST', '/api/v1/privacy/erase', body)
    assert.equal(erasure['state'], 'done')
    const after = await exchange.callOf(answered.id)
    assert.equal(after.from, erasure['pseudonym'])
    assert.equal(after.price, answered.price)
    for (const text of [JSON.stringify([after, erasure]), await sip()]) assert.ok(!text.includes('2125550187'), text)

    const log = await readFile(exchange.process.logFile, 'utf8')
    const lines = log.split('\n').filter((line) => line.startsWith('{'))
    assert.ok(lines.length > 0)
    const digits = [CONSUMER, sold.number, unsold.number].map((number) => number.slice(-10))
    for (const line of lines) for (const number of digits) assert.ok(!line.includes(number), line)
  })
})
