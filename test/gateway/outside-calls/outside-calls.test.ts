import assert from 'node:assert/strict'
import { createTelemetry, type Telemetry } from '../../../config/telemetry.ts'
import { serveOutsideCalls } from '../../../gateway/outside-calls/outside-calls.ts'
import type { Signaling } from '../../../gateway/srf.ts'
import type { SipRequest, SipResponse } from '../../../gateway/srf/srf-types.ts'
import { anAnswer, aRequest, AskingExchange, settled } from '../../support/asking-parts.ts'
import { ManualSchedule } from '../../support/manual-schedule.ts'

type Handler = (req: SipRequest, res: SipResponse) => void

describe('what is asked outside calls', () => {
  let exchange: AskingExchange
  let telemetry: Telemetry
  let handlers: Map<string, Handler>
  let complaints: object[]
  let isLoaded: boolean
  let isDraining: boolean
  beforeEach(() => {
    exchange = new AskingExchange()
    telemetry = createTelemetry()
    handlers = new Map()
    complaints = []
    isLoaded = true
    isDraining = false
    serveOutsideCalls({
      ...exchange.parts,
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- All that is looked at here.
      signaling: { on: (method: string, handler: Handler) => handlers.set(method, handler) } as unknown as Signaling,
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- The same.
      log: { error: (details: object) => complaints.push(details) } as never,
      telemetry,
      schedule: new ManualSchedule(),
      isLoaded: () => isLoaded,
      draining: () => isDraining,
    })
  })
  afterEach(() => {
    exchange.close()
    telemetry.close()
  })

  async function ask(method: string, headers: Record<string, string> = {}) {
    const res = anAnswer()
    handlers.get(method.toLowerCase())!(aRequest(method, { headers }), res)
    await settled()
    assert.equal(res.sent.length, 1)
    return res.sent[0]!
  }
  const METHODS = ['MESSAGE', 'SUBSCRIBE', 'NOTIFY', 'REFER']

  it('hears 503 until it is known who may ask, and when to come again', async () => {
    isLoaded = false
    for (const method of METHODS) {
      const { status, headers } = await ask(method)
      assert.deepEqual([status, headers['Retry-After']], [503, '2'])
    }
  })

  it('hears 503 while the exchange drains, but for what belongs to a subscription', async () => {
    isDraining = true
    for (const method of METHODS) {
      const { status, headers } = await ask(method)
      assert.deepEqual([status, headers['Retry-After']], [503, '30'])
    }
    const To = '<sip:desk@dce>;tag=ours'
    for (const method of ['SUBSCRIBE', 'NOTIFY']) assert.equal((await ask(method, { To })).status, 481)
  })

  it('hears 500 of a bug of ours, which is told, and the next is heard', async () => {
    exchange.parts.registrar.waysToUser = () => {
      throw new TypeError('a bug')
    }
    assert.equal((await ask('MESSAGE')).status, 500)
    assert.equal(complaints.length, 1)
    assert.equal((await ask('REFER')).status, 403)
    assert.equal(complaints.length, 1)
  })
})
