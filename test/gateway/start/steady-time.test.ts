import assert from 'node:assert/strict'
import type { Authentication } from '../../../gateway/identity/authentication.ts'
import { Nonces } from '../../../gateway/identity/nonces.ts'
import { Registrar } from '../../../gateway/registrar/registrar.ts'
import { SteadyTime } from '../../../gateway/start/steady-time.ts'
import type { AccountId, SipUserId } from '../../../model/ids.ts'
import type { SipBinding, SipUser } from '../../../model/sip-user.ts'

const START = Date.UTC(2026, 10, 21)
const HOUR = 3_600_000
const ID = 'agent' as SipUserId
const ACCOUNT = 'buyer' as AccountId

const BINDING: SipBinding = {
  contact: 'sip:agent@192.0.2.7',
  instance: null,
  regId: null,
  callId: 'reg',
  cseq: 1,
  q: 1000,
  registeredAtMs: START - HOUR / 2,
  expiresAtMs: START + HOUR / 2,
  path: [],
  source: { transport: 'udp', host: '192.0.2.7', port: 5060 },
  userAgent: null,
}

describe('time that no clock setting moves', () => {
  let wallMs: number
  let monotonicMs: number
  let steady: SteadyTime
  beforeEach(() => {
    wallMs = START
    monotonicMs = 1234.5
    steady = new SteadyTime({ now: () => wallMs, monotonicMs: () => monotonicMs })
  })
  const pass = (ms: number): void => {
    wallMs += ms
    monotonicMs += ms
  }

  it('goes on from the start of the process, in whole milliseconds', () => {
    assert.equal(steady.now(), START)
    pass(10.7)
    wallMs -= HOUR
    assert.equal(steady.now(), START + 10)
  })

  for (const [how, step] of [
    ['forward', HOUR],
    ['back', -HOUR],
  ] as const)
    it(`lets a registration and a nonce live as long as they may when the clock is put ${how}`, () => {
      const registrar = new Registrar({
        realm: 'dce',
        limits: { minExpires: 60, maxExpires: 7200, defaultExpires: 3600, maxBindings: 10 },
        authentication: {} as Authentication, // Nobody registers here.
        now: () => steady.now(),
        isCarrier: () => false,
        onBindings: () => undefined,
        onReachable: () => undefined,
      })
      const user = { id: ID, accountId: ACCOUNT, username: 'agent', status: 'active' } as SipUser
      registrar.apply({ kind: 'sip-user', id: ID, value: user })
      registrar.restore(ID, steady.fromWall([BINDING]))
      const nonces = new Nonces({ realm: 'dce', lifetimeMs: HOUR / 2, maxRemembered: 10, now: () => steady.now() })
      const nonce = nonces.issue()
      wallMs += step
      pass(HOUR / 2 - 1)
      registrar.expire()
      assert.equal(registrar.waysToUser('agent', ACCOUNT).length, 1)
      assert.equal(nonces.take(nonce, 1), 'fresh')
      const [told] = steady.toWall(registrar.bindingsOf(ID))
      assert.equal(told!.expiresAtMs, wallMs + 1, 'as people see it, and the next process')
      assert.equal(told!.registeredAtMs, told!.expiresAtMs - HOUR)
      pass(2)
      registrar.expire()
      assert.equal(registrar.size, 0)
      assert.equal(nonces.take(nonce, 2), 'stale')
    })
})
