import assert from 'node:assert/strict'
import { ReassignedNumbers } from '../../gateway/do-not-call/reassigned-numbers.ts'
import type { Arrival } from '../../gateway/screening/arrival.ts'
import { Until } from '../../gateway/screening/evidence.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import { startApi, type ApiHarness, type Person } from '../support/api-harness.ts'
import { ManualSchedule } from '../support/manual-schedule.ts'
import type { MemoryStores } from '../support/memory-stores.ts'
import { openTestStorage, type TestStorage } from '../support/storage.ts'

const DAY_MS = 86_400_000

describe('answers of the Reassigned Numbers Database', () => {
  let storage: TestStorage
  let api: ApiHarness
  let admin: Person
  let part: ReassignedNumbers
  const schedule = new ManualSchedule()
  before(async () => {
    storage = await openTestStorage()
    part = new ReassignedNumbers(schedule, { warn() {} })
    part.open(storage)
    await part.start()
    const stores = Object.assign(storage.stores, { postings: [] }) as unknown as MemoryStores
    api = await startApi({ stores, reassignedKept: () => part.look() })
    admin = await api.person('operator')
  })
  after(async () => {
    await api.api.close()
    await part.close()
    await storage.close()
  })

  const ask = (method: string, path: string, json?: object) =>
    api.request(method, path, { token: admin.token, ...(json ? { json } : {}) })
  const gather = (trafficType: string) =>
    part.evidence[0]!.gather(
      { ani: '+12025551234' as PhoneNumber, number: { trafficType } } as unknown as Arrival,
      new Until(),
    )

  it('are kept with their time, and are evidence of calls to the consumer once there is any', async () => {
    assert.equal(gather('transfer'), null)
    assert.equal(schedule.pending, 1)
    const asked = new Date(api.clock.now() - DAY_MS).toISOString()
    const answers = [
      { number: '(202) 555-1234', consent_date: '2026-01-31', answer: 'no', asked_at: asked },
      { number: '+12025551234', consent_date: '2025-06-01', answer: 'yes', asked_at: asked },
    ]
    const kept = await ask('POST', 'dnc/reassigned', { answers })
    assert.deepEqual(kept.body, { kept: 2, already_kept: 0 })
    assert.deepEqual((await ask('POST', 'dnc/reassigned', { answers })).body, { kept: 0, already_kept: 2 })
    assert.equal(schedule.pending, 0)
    assert.equal(gather('inbound'), null)
    const said = await gather('transfer')
    assert.deepEqual(
      said!.request!.reassigned!.map(({ consentDate, answer }) => [consentDate, answer]),
      [
        ['2026-01-31', 'no'],
        ['2025-06-01', 'yes'],
      ],
    )
  })

  it('say what they are worth for a consent', async () => {
    const standing = async (day: string) =>
      (await ask('GET', `dnc/reassigned/2025551234?consent_date=${day}`)).body.standing
    assert.deepEqual(
      [await standing('2025-06-01'), await standing('2026-01-31'), await standing('2025-07-01')],
      ['reassigned', 'safe_harbour', 'unknown'],
    )
    const none = await ask('GET', 'dnc/reassigned/2125550100')
    assert.deepEqual([none.body.answers, none.body.standing], [[], null])
  })

  it('are refused with the field that is wrong', async () => {
    const good = { number: '2025551234', consent_date: '2026-01-31', answer: 'no', asked_at: '2026-02-01T00:00:00Z' }
    const pointerOf = async (changes: object) =>
      (await ask('POST', 'dnc/reassigned', { answers: [good, { ...good, ...changes }] })).body.errors?.[0]?.pointer
    assert.equal(await pointerOf({ number: 'x' }), '/answers/1/number')
    assert.equal(await pointerOf({ consent_date: '2026-02-30' }), '/answers/1/consent_date')
    assert.equal(await pointerOf({ answer: 'maybe' }), '/answers/1/answer')
    assert.equal(await pointerOf({ asked_at: '2999-01-01T00:00:00Z' }), '/answers/1/asked_at')
    assert.equal((await ask('POST', 'dnc/reassigned', { answers: [] })).status, 422)
    assert.equal((await ask('GET', 'dnc/reassigned/2025551234?consent_date=x')).status, 422)
  })
})
