import assert from 'node:assert/strict'
import { mock } from 'node:test'
import { heedExpires } from '../../../gateway/headers/invite-expiry.ts'
import type { Call } from '../../../gateway/live-call.ts'
import type { ExchangeParts } from '../../../gateway/parts.ts'

const EXPIRES_MS = 10_000

describe('an INVITE that expires (RFC 3261 §13.3.1)', () => {
  let ends: string[]
  let call: { state: string; bridge: object | null; releases: (() => void)[] }
  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout'] })
    ends = []
    const stub = {
      state: 'ringing',
      bridge: null,
      waiting: null,
      releases: [],
      caller: { header: () => String(EXPIRES_MS / 1000) },
      abandon: (why: string) => void ends.push(why),
    }
    call = stub
    const parts = { limits: { maxSetupMs: 60_000 } }
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing else of either is used
    heedExpires(stub as unknown as Call, parts as unknown as ExchangeParts)
  })
  afterEach(() => mock.timers.reset())

  it('while it rings is over', () => {
    mock.timers.tick(EXPIRES_MS - 1)
    assert.deepEqual(ends, [])
    mock.timers.tick(1)
    assert.deepEqual(ends, ['invite_expired'])
  })

  it('while it is being answered is over once that has come to nothing', () => {
    call.state = 'answered'
    mock.timers.tick(EXPIRES_MS + 1_000)
    assert.deepEqual(ends, [])
    call.state = 'ringing'
    mock.timers.tick(50)
    assert.deepEqual(ends, ['invite_expired'])
  })

  it('while it is being answered stays when it is up, and when it has ended', () => {
    call.state = 'answered'
    mock.timers.tick(EXPIRES_MS)
    call.bridge = {}
    mock.timers.tick(1_000)
    call.bridge = null
    call.state = 'ringing'
    mock.timers.tick(1_000)
    assert.deepEqual(ends, [])
  })

  it('looks no longer once the call has let go of it', () => {
    call.state = 'answered'
    mock.timers.tick(EXPIRES_MS)
    for (const release of call.releases) release()
    call.state = 'ringing'
    mock.timers.tick(1_000)
    assert.deepEqual(ends, [])
  })
})
