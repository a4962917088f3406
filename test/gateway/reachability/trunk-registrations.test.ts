import assert from 'node:assert/strict'
import {
  TrunkRegistrations,
  type Registration,
  type RegistrationAnswer,
} from '../../../gateway/reachability/trunk-registrations.ts'
import type { BookChange } from '../../../model/book.ts'
import type { TrunkId } from '../../../model/ids.ts'
import type { Trunk } from '../../../model/trunk.ts'
import { ManualSchedule } from '../../support/manual-schedule.ts'
import { aTrunk } from '../../support/market.ts'

const change = (id: string, value: Trunk | null): BookChange => ({ kind: 'trunk', id: id as TrunkId, value })

function carrier(id: string, more: Partial<Trunk> = {}): BookChange {
  const trunk = { direction: 'outbound', host: `${id}.example`, username: 'u', password: 'p', register: true } as const
  return change(id, aTrunk(id, 'house', { addresses: [], ...trunk, ...more }))
}

describe('the registrations of outbound trunks', () => {
  let schedule: ManualSchedule
  let sent: Registration[]
  let changes: string[]
  let answer: (registration: Registration) => Partial<RegistrationAnswer> | 'silence' | 'failure'

  beforeEach(() => {
    schedule = new ManualSchedule()
    sent = []
    changes = []
    answer = () => ({ status: 200 })
  })

  function open(max?: number): TrunkRegistrations {
    let calls = 0
    return new TrunkRegistrations(
      {
        register(registration) {
          sent.push(registration)
          const given = answer(registration)
          if (given === 'silence') return new Promise(() => {})
          if (given === 'failure') return Promise.reject(new Error('not sent'))
          const nothing = { status: 200, expires: null, minExpires: null, retryAfter: null, cseq: registration.cseq }
          return Promise.resolve({ ...nothing, ...given })
        },
        schedule,
        clock: schedule,
        // Jitter always takes a tenth off.
        random: { bytes: (count) => new Uint8Array(count) },
        newCallId: () => `call-${++calls}`,
        onChange: (trunk, { state, status }) => changes.push(`${trunk.name} ${state} ${status}`),
      },
      max,
    )
  }

  async function registered(more: Partial<Trunk> = {}): Promise<TrunkRegistrations> {
    const registrations = open()
    registrations.apply(carrier('a', more))
    assert.equal(sent.length, 0, 'not before it is told to start')
    registrations.start()
    await schedule.advance(0)
    return registrations
  }
  const stateOf = (registrations: TrunkRegistrations) => registrations.of('a' as TrunkId)

  it('register again before the time granted is over, on the same Call-ID with the next CSeq', async () => {
    // The challenge has counted the CSeq up by one.
    answer = ({ cseq }) => ({ status: 200, expires: 600, cseq: cseq + 1 })
    const registrations = await registered({ expires: 3600 })
    assert.deepEqual(stateOf(registrations), { state: 'registered', status: 200, expiresAt: new Date(600_000) })
    await schedule.advance(404_000)
    assert.equal(sent.length, 1)
    await schedule.advance(1_000)
    assert.deepEqual(
      sent.map(({ callId, cseq, expires }) => [callId, cseq, expires]),
      [
        ['call-1', 1, 3600],
        ['call-1', 3, 3600],
      ],
    )
    assert.deepEqual(changes, ['a registered 200'])
  })

  it('ask for as long as the carrier wants (423), once', async () => {
    answer = ({ expires }) => (expires < 1800 ? { status: 423, minExpires: 1800 } : { status: 200 })
    const registrations = await registered({ expires: 60 })
    assert.deepEqual(
      sent.map(({ expires }) => expires),
      [60, 1800],
    )
    assert.equal(stateOf(registrations)?.state, 'registered')
    answer = () => ({ status: 423, minExpires: 60 })
    await schedule.advance(1_800_000)
    assert.equal(stateOf(registrations)?.state, 'failed')
  })

  it('have failed when the carrier wants longer with every answer', async () => {
    answer = ({ expires }) => ({ status: 423, minExpires: expires + 1 })
    const registrations = await registered({ expires: 60 })
    assert.deepEqual(
      sent.map(({ expires }) => expires),
      [60, 61],
    )
    assert.equal(stateOf(registrations)?.state, 'failed')
  })

  it('are renewed after a day at the latest, however long the carrier grants', async () => {
    answer = () => ({ status: 200, expires: 4_294_967_295 })
    const registrations = await registered({ expires: 3600 })
    assert.deepEqual(stateOf(registrations)?.expiresAt, new Date(86_400_000))
    await schedule.advance(58_000_000)
    assert.equal(sent.length, 1)
    await schedule.advance(1_000_000)
    assert.equal(sent.length, 2)
  })

  it('back off after failures, ever longer up to half an hour, and recover', async () => {
    answer = () => ({ status: 403 })
    const registrations = await registered()
    assert.deepEqual([stateOf(registrations)?.state, stateOf(registrations)?.status], ['failed', 403])
    assert.equal(registrations.isUsable('a' as TrunkId), false)
    const waits: number[] = []
    for (let tries = sent.length, since = 0; waits.length < 9;) {
      await schedule.advance(1_000)
      since++
      if (sent.length === tries) continue
      waits.push(since)
      tries = sent.length
      since = 0
    }
    assert.deepEqual(waits, [27, 54, 108, 216, 432, 864, 1620, 1620, 1620])
    answer = () => ({ status: 200 })
    await schedule.advance(1_620_000)
    assert.deepEqual(changes, ['a failed 403', 'a registered 200'])
    assert.equal(registrations.isUsable('a' as TrunkId), true)
  })

  it('wait as long as a 503 asks', async () => {
    answer = () => ({ status: 503, retryAfter: 600 })
    await registered()
    await schedule.advance(539_000)
    assert.equal(sent.length, 1)
    await schedule.advance(2_000)
    assert.equal(sent.length, 2)
  })

  for (const failure of ['silence', 'failure'] as const)
    it(`have failed when there is no answer (${failure})`, async () => {
      answer = () => failure
      const registrations = await registered()
      await schedule.advance(10_000)
      assert.deepEqual(stateOf(registrations), { state: 'failed', status: null, expiresAt: null })
    })

  it('are taken back when the exchange stops, and it does not wait for ever', async () => {
    const registrations = await registered()
    answer = () => 'silence'
    let isClosed = false
    void registrations.close().then(() => (isClosed = true))
    await schedule.advance(1_999)
    assert.deepEqual([sent.at(-1)?.expires, isClosed], [0, false])
    await schedule.advance(1)
    assert.equal(isClosed, true)
    await schedule.advance(10_000_000)
    assert.equal(sent.length, 2)
  })

  it('follow the book: another account is another registration, and a trunk that is gone has none', async () => {
    const registrations = await registered()
    registrations.apply(carrier('a', { name: 'new name' }))
    await schedule.advance(0)
    assert.equal(sent.length, 1, 'the carrier would see no difference')
    registrations.apply(carrier('a', { password: 'other' }))
    await schedule.advance(0)
    assert.deepEqual(
      sent.slice(1).map(({ callId, expires }) => [callId, expires]),
      [
        ['call-1', 0],
        ['call-2', 3600],
      ],
    )
    registrations.apply(carrier('a', { register: false }))
    await schedule.advance(10_000_000)
    assert.equal(sent.length, 4)
    assert.equal(stateOf(registrations), null)
    assert.equal(registrations.isUsable('a' as TrunkId), true)
    registrations.apply(change('b', aTrunk('b', 'seller')))
    assert.deepEqual(registrations.counts(), { registering: 0, registered: 0, failed: 0 })
  })

  it('are so many and no more', async () => {
    const registrations = open(2)
    for (const id of ['a', 'b', 'c']) registrations.apply(carrier(id))
    registrations.start()
    await schedule.advance(0)
    assert.deepEqual(registrations.counts(), { registering: 0, registered: 2, failed: 0 })
  })
})
