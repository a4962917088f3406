import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createCompliance } from '../../../compliance/compliance.ts'
import { loadPlaces } from '../../../config/reference-data.ts'
import { OutsideLists, type OutsideListNeeds } from '../../../gateway/do-not-call/outside-lists.ts'
import type { DncAnswers } from '../../../gateway/needs.ts'
import { AddressGuard } from '../../../gateway/outgoing/address-guard.ts'
import { HttpClient } from '../../../gateway/outgoing/http-client.ts'
import type { Arrival } from '../../../gateway/screening/arrival.ts'
import { Until, type Contribution } from '../../../gateway/screening/evidence.ts'
import { newId, type SuppressionListId } from '../../../model/ids.ts'
import type { PhoneNumber } from '../../../model/phone-number.ts'
import type { SuppressionList, SuppressionLookup } from '../../../model/suppression-list.ts'
import type { TrafficType } from '../../../model/trunk.ts'
import { RedisDncAnswers } from '../../../storage/redis/dnc-answers.ts'
import { RedisServer } from '../../support/redis.ts'
import { silentLog } from '../../support/storage.ts'

const DAY_MS = 86_400_000

describe('do-not-call lists that others keep', () => {
  let server: Server
  let port: number
  let answer: (request: IncomingMessage, response: ServerResponse) => void
  const asked: IncomingMessage[] = []
  before(async () => {
    server = createServer((request, response) => {
      asked.push(request)
      answer(request, response)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    port = (server.address() as AddressInfo).port
  })
  beforeEach(() => {
    asked.length = 0
    answer = say({ result: { dnc: 'N' } })
  })
  const opened: OutsideLists[] = []
  after(async () => {
    for (const each of opened) await each.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })

  const say =
    (body: unknown, status = 200) =>
    (_: IncomingMessage, response: ServerResponse) =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))

  function aList(lookup: Partial<SuppressionLookup> = {}, changes: Partial<SuppressionList> = {}): SuppressionList {
    return {
      id: newId<SuppressionListId>(),
      accountId: newId(),
      name: 'scrub',
      kind: 'national',
      source: 'a service',
      state: null,
      versionDate: null,
      expiresAfterDays: null,
      whenExpired: 'refuse',
      numbers: 0,
      revision: 0,
      replacedAt: 0,
      version: 1,
      createdAt: new Date(),
      updatedAt: new Date(),
      ...changes,
      lookup: {
        url: `http://127.0.0.1:${port}/v1/{national}?n={number}`,
        headers: { 'x-api-key': 'k' },
        pointer: '/result/dnc',
        listed: ['Y'],
        clear: ['N'],
        deadlineMs: 2_000,
        whenAway: 'refuse',
        ...lookup,
      },
    }
  }

  function stage(lists: readonly SuppressionList[], changes: Partial<OutsideListNeeds> = {}) {
    const compliance = createCompliance(
      { places: loadPlaces(), clock: Date },
      { tcpaEnabled: false, callingHours: { startMinute: 480, endMinute: 1260 }, unknownLocation: 'block' },
    )
    for (const list of lists) compliance.apply({ kind: 'suppression-list', id: list.id, value: list })
    const clock = { nowMs: Date.now(), now: () => clock.nowMs }
    const client = new HttpClient(new AddressGuard(['127.0.0.0/8']), { connections: 5, maxAnswerBytes: 1_000 })
    const cache = { ttlMs: DAY_MS, most: 100 }
    const outside = new OutsideLists({ compliance, client, shared: null, clock, cache, ...changes })
    opened.push(outside)
    const gather = (ani: string | null, leg: TrafficType = 'transfer', more: Partial<Arrival> = {}) =>
      outside.evidence[0]!.gather(anArrival(ani, leg, more), new Until())
    const fail = (ani: string, leg: TrafficType = 'transfer') =>
      outside.evidence[0]!.failed!(anArrival(ani, leg), 'too many calls are waiting for answers')
    return { compliance, outside, clock, gather, fail }
  }
  const effects = (said: Contribution | null) => said!.checks!.map(({ effect, rule }) => [effect, rule])

  it('are asked by HTTP, and what they say refuses a call that is made to the consumer; of one it makes they are asked only if they bind there', async () => {
    const { gather } = stage([aList()])
    assert.deepEqual(effects(await gather('+12025551234')), [['allow', 'national-do-not-call']])
    assert.deepEqual([asked[0]!.url, asked[0]!.headers['x-api-key']], ['/v1/2025551234?n=%2B12025551234', 'k'])
    answer = say({ result: { dnc: 'Y' } })
    assert.deepEqual(effects(await gather('+12025551235')), [['block', 'national-do-not-call']])
    assert.equal(gather('+12025551235', 'inbound'), null)
    const litigators = stage([aList({}, { kind: 'litigator' })])
    assert.deepEqual(effects(await litigators.gather('+12025551235', 'inbound')), [['block', 'litigator']])
  })

  it('are asked nothing where there is none, or none for this consumer, or nobody to ask of', () => {
    assert.equal(stage([]).gather('+12025551234'), null)
    assert.equal(stage([aList()]).gather(null), null)
    const texas = stage([aList({}, { kind: 'state', state: 'TX' })])
    assert.equal(texas.gather('+12025551234'), null)
    assert.ok(texas.gather('+12145551234') instanceof Promise)
    assert.ok(texas.gather('+18005551234') instanceof Promise) // It may be anywhere.
    // Its ZIP code says more than its number.
    const inTexas = { zip: loadPlaces().ofZip('75201'), offer: { sellerId: '', numberId: '', vertical: '', tags: {} } }
    assert.ok(texas.gather('+12025551234', 'transfer', inTexas) instanceof Promise)
    const inDc = { ...inTexas, zip: loadPlaces().ofZip('20001') }
    assert.equal(texas.gather('+12145551234', 'transfer', inDc), null)
    // A list asked by HTTP is asked of no set in memory.
    assert.ok(!stage([aList()]).compliance.suppression.of('national').length)
  })

  it('are asked once for a number within the time answers are kept, also by calls at the same moment', async () => {
    const { gather, clock } = stage([aList()])
    await Promise.all([gather('+12025551234'), gather('+12025551234')])
    assert.equal(asked.length, 1)
    const kept = gather('+12025551234')
    assert.ok(kept !== null && !(kept instanceof Promise))
    clock.nowMs += DAY_MS - 1
    assert.ok(!(gather('+12025551234') instanceof Promise))
    clock.nowMs += 1
    await gather('+12025551234')
    assert.equal(asked.length, 2)
  })

  it('keep no more answers than the limit, and none of a list that has been changed since', async () => {
    const list = aList()
    const { gather, outside, compliance } = stage([list], { cache: { ttlMs: DAY_MS, most: 3 } })
    for (let i = 0; i < 5; i++) await gather(`+1202555123${i}`)
    assert.equal(outside.size, 3)
    assert.ok(gather('+12025551230') instanceof Promise)
    assert.ok(!(gather('+12025551234') instanceof Promise))
    compliance.apply({ kind: 'suppression-list', id: list.id, value: { ...list, version: 2 } })
    assert.ok(gather('+12025551234') instanceof Promise)
  })

  it('refuse or let go, as each says, when no answer comes that can be used', async () => {
    const ways: [string, typeof answer, RegExp][] = [
      ['late', () => {}, /no answer within 30 ms/],
      ['status', say({}, 500), /answered 500/],
      ['garbage', (_, response) => void response.end('<html>'), /no JSON/],
      ['another', say({ result: { dnc: 'maybe' } }), /nothing at \/result\/dnc/],
      ['missing', say([]), /nothing at/],
      ['long', (_, response) => void response.end('x'.repeat(5_000)), /too long/],
      ['hung up', (request) => void request.socket.destroy(), /cannot be reached/],
    ]
    for (const [name, way, words] of ways) {
      answer = way
      const deadlineMs = name === 'late' ? 30 : 2_000
      for (const whenAway of ['refuse', 'warn'] as const) {
        const { gather, outside } = stage([aList({ whenAway, deadlineMs })])
        const said = await gather('+12025551234')
        const effect = whenAway === 'refuse' ? 'block' : 'advisory'
        assert.deepEqual(effects(said), [[effect, 'national-do-not-call:unknown']], name)
        assert.match(said!.checks![0]!.detail, words)
        assert.equal(outside.size, 0)
      }
    }
  })

  it('refuse or let go, as each says, a call that cannot wait for them: what is kept is known all the same', async () => {
    const careful = stage([aList()])
    assert.deepEqual(effects(careful.fail('+12025551234')), [['block', 'national-do-not-call:unknown']])
    assert.deepEqual(effects(careful.fail('+12025551234', 'inbound')), [])
    const easy = stage([aList({ whenAway: 'warn' })])
    assert.deepEqual(effects(easy.fail('+12025551234')), [['advisory', 'national-do-not-call:unknown']])
    await careful.gather('+12025551234')
    assert.deepEqual(effects(careful.fail('+12025551234')), [['allow', 'national-do-not-call']])
  })

  it('are not reached in the house’s own networks', async () => {
    const client = new HttpClient(new AddressGuard(), { connections: 5, maxAnswerBytes: 1_000 })
    const said = await stage([aList()], { client }).gather('+12025551234')
    assert.match(said!.checks![0]!.detail, /its address is not called/)
    assert.equal(asked.length, 0)
    await client.close()
  })

  it('share their answers by Redis, under dnc:{number}, and go on without it', async function () {
    this.timeout(30_000)
    const redis = await RedisServer.start()
    const share = () =>
      new RedisDncAnswers({ url: redis.url, connectTimeoutMs: 5_000, deadlineMs: 5_000, log: silentLog })
    const list = aList()
    const [one, other] = [share(), share()]
    const number = '+12025551234' as PhoneNumber
    const field = `${list.id}.1`
    await until(() => other.find(number, [field]))
    await until(() => one.find(number, [field]))
    const first = stage([list], { shared: one })
    await first.gather(number)
    await until(async () => assert.ok((await other.find(number, [field]))[0]))
    const second = stage([list], { shared: other })
    assert.deepEqual(effects(await second.gather(number)), [['allow', 'national-do-not-call']])
    assert.equal(asked.length, 1)
    // What is too old there is asked for anew.
    const later = { now: () => Date.now() + DAY_MS }
    await stage([list], { shared: other, clock: later }).gather(number)
    assert.equal(asked.length, 2)
    await redis.kill()
    const alone = stage([aList()], { shared: dead })
    assert.deepEqual(effects(await alone.gather(number)), [['allow', 'national-do-not-call']])
    assert.deepEqual(effects(await second.gather('+12025559999')), [['allow', 'national-do-not-call']])
  })
})

function anArrival(ani: string | null, trafficType: TrafficType, more: Partial<Arrival> = {}): Arrival {
  const arrival = {
    ani: ani as PhoneNumber | null,
    number: { trafficType },
    zip: null,
    atMs: Date.now(),
    brought: null,
  }
  return { ...arrival, ...more } as unknown as Arrival
}

const dead: DncAnswers = {
  find: () => Promise.reject(new Error('away')),
  keep: () => Promise.reject(new Error('away')),
  close() {},
}

/** Until it is done without an error. */
async function until(work: () => Promise<unknown>): Promise<void> {
  for (const end = Date.now() + 10_000; ;) {
    try {
      await work()
      return
    } catch (error) {
      if (Date.now() > end) throw error
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}
