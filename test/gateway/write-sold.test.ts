import assert from 'node:assert/strict'
import { mock } from 'node:test'
import type { GatewayRecord } from '../../gateway/needs.ts'
import type { Call } from '../../gateway/live-call.ts'
import type { ExchangeParts } from '../../gateway/parts.ts'
import { forgetRinging, RINGING_WRITE_MS, writeRingingSoon, writeSold } from '../../gateway/write-sold.ts'

const DIALOGS = { caller: null, buyer: { callId: 'b' } } as never

/** As much of a call as is read to write it down, its award being rung. */
function ringing(): Call {
  const attempt = { award: { id: 'a', buyerId: 'b' } }
  const seller = { id: 's', currency: 'USD' }
  const call = {
    facts: { seller, trunk: { id: 't' }, number: null, ani: null, dnis: null },
    state: 'ringing',
    isJoined: true,
    sold: { awardId: 'a' },
    soldAttempt: attempt,
    takenAward: { hold: { id: 'h' } },
    ringingWrite: null,
    auction: null,
    waiting: null,
    events: [],
    caller: { finalStatus: null },
    legs: () => [],
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing else of a call is read
  return call as unknown as Call
}

describe('a call that is being rung', () => {
  let written: GatewayRecord[]
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing else of the parts is used
  const parts = {
    writer: { write: async (record: GatewayRecord) => void written.push(record) },
  } as unknown as ExchangeParts
  const dialogs = () => written.map((record) => record.kind === 'sold' && record.buyerDialog)
  beforeEach(() => {
    written = []
    mock.timers.enable({ apis: ['setTimeout'] })
  })
  afterEach(() => mock.timers.reset())

  it('is written down when it has rung for a while', () => {
    const call = ringing()
    writeRingingSoon(call, call.soldAttempt!, parts)
    mock.timers.tick(RINGING_WRITE_MS - 1)
    assert.deepEqual(dialogs(), [])
    mock.timers.tick(1)
    assert.deepEqual(dialogs(), [null])
    assert.equal(call.ringingWrite, null)
  })

  it('is written once, with its dialogs, when it is answered before that', async () => {
    const call = ringing()
    writeRingingSoon(call, call.soldAttempt!, parts)
    await writeSold(call, DIALOGS, parts)
    mock.timers.tick(RINGING_WRITE_MS)
    assert.deepEqual(dialogs(), [{ callId: 'b' }])
  })

  it('is written of its last award, from when that is rung', () => {
    const call = ringing()
    writeRingingSoon(call, call.soldAttempt!, parts)
    mock.timers.tick(RINGING_WRITE_MS - 1)
    call.soldAttempt = { ...call.soldAttempt! }
    writeRingingSoon(call, call.soldAttempt, parts)
    mock.timers.tick(RINGING_WRITE_MS - 1)
    assert.deepEqual(dialogs(), [])
    mock.timers.tick(1)
    assert.deepEqual(dialogs(), [null])
  })

  it('is not written when it is answered, given up or over by then', () => {
    const [answered, failed, over] = [ringing(), ringing(), ringing()]
    for (const call of [answered, failed, over]) writeRingingSoon(call, call.soldAttempt!, parts)
    answered.state = 'answered'
    failed.takenAward = null
    forgetRinging(over)
    mock.timers.tick(RINGING_WRITE_MS)
    assert.deepEqual(dialogs(), [])
  })
})
