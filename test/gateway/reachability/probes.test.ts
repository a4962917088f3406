import assert from 'node:assert/strict'
import { Probes, type ProbesOptions } from '../../../gateway/reachability/probes.ts'
import type { Place } from '../../../gateway/reachability/probed-places.ts'
import type { BookChange } from '../../../model/book.ts'
import type { Random } from '../../../model/random.ts'
import type { Bid } from '../../../model/bid.ts'
import type { Target, Trunk } from '../../../model/trunk.ts'
import { ManualSchedule } from '../../support/manual-schedule.ts'
import { aBid, aTarget, aTrunk } from '../../support/market.ts'

/** Always the smallest: the first OPTIONS comes after one interval, the next ones after nine tenths of it. */
const none: Random = { bytes: (count) => new Uint8Array(count) }
const target = (value: Target): BookChange => ({ kind: 'target', id: value.id, value })
const bid = (value: Bid): BookChange => ({ kind: 'bid', id: value.id, value })
const trunk = (value: Trunk): BookChange => ({ kind: 'trunk', id: value.id, value })

describe('probing by OPTIONS', () => {
  let schedule: ManualSchedule
  let asked: string[]
  let changes: string[]
  /** What each URI answers: a status, nothing for ever, or a failure to send. */
  let answers: Map<string, number | 'silence' | 'failure'>

  beforeEach(() => {
    schedule = new ManualSchedule()
    asked = []
    changes = []
    answers = new Map()
  })

  function open(options: Partial<ProbesOptions> = {}): Probes {
    return new Probes(
      {
        sendOptions(place: Place) {
          asked.push(place.uri)
          const answer = answers.get(place.uri) ?? 200
          if (answer === 'failure') return Promise.reject(new Error('not sent'))
          return answer === 'silence' ? new Promise(() => {}) : Promise.resolve(answer)
        },
        schedule,
        clock: schedule,
        random: none,
        onChange: (place, reach) => changes.push(`${place.name} ${reach.state} ${reach.lastStatus}`),
        onProbed: () => {},
      },
      {
        intervalMs: 30_000,
        failuresToDown: 3,
        isStrict: false,
        withInboundTrunks: false,
        isAddressOfRecord: (uri) => uri.endsWith('@here.example'),
        ...options,
      },
    )
  }

  function withDesk(options: Partial<ProbesOptions> = {}): Probes {
    const probes = open(options)
    probes.apply(target(aTarget('desk', 'buyer')))
    probes.apply(bid(aBid('bid', 2, { targetId: aTarget('desk', 'buyer').id })))
    probes.start()
    return probes
  }
  const DESK = 'sip:desk@buyer.example'

  it('asks the SIP targets of active bids and the outbound trunks, again and again', async () => {
    const probes = withDesk()
    probes.apply(target(aTarget('idle', 'buyer')))
    probes.apply(target(aTarget('paused', 'buyer')))
    probes.apply(bid(aBid('paused-bid', 2, { targetId: aTarget('paused', 'buyer').id, status: 'paused' })))
    probes.apply(target(aTarget('number', 'buyer', { uri: '+12125550100' })))
    probes.apply(bid(aBid('number-bid', 2, { targetId: aTarget('number', 'buyer').id })))
    probes.apply(target(aTarget('registered', 'buyer', { uri: 'sip:anna@here.example' })))
    probes.apply(bid(aBid('registered-bid', 2, { targetId: aTarget('registered', 'buyer').id })))
    probes.apply(trunk(aTrunk('out', 'house', { direction: 'outbound', host: 'carrier.example:5070' })))
    probes.apply(trunk(aTrunk('in', 'seller', { addresses: ['192.0.2.7'] })))
    await schedule.advance(30_000)
    assert.deepEqual(asked.toSorted(), ['sip:carrier.example:5070', DESK])
    await schedule.advance(30_000)
    assert.equal(asked.length, 4)
    assert.deepEqual(probes.counts('target'), { up: 1, down: 0, unknown: 0 })
    assert.deepEqual(probes.counts('trunk'), { up: 1, down: 0, unknown: 0 })
  })

  it('stops asking when the last active bid, or the target, is gone', async () => {
    const probes = withDesk()
    await schedule.advance(30_000)
    probes.apply(bid(aBid('bid', 2, { targetId: aTarget('desk', 'buyer').id, status: 'paused' })))
    await schedule.advance(120_000)
    assert.equal(asked.length, 1)
    assert.equal(probes.reachOf('desk').state, 'unknown')
    assert.equal(schedule.pending, 0)
  })

  it('takes a target for down after so many failures in a row, and for up after one answer', async () => {
    const probes = withDesk()
    await schedule.advance(30_000)
    assert.equal(probes.isUp('desk'), true)
    answers.set(DESK, 503)
    await schedule.advance(60_000)
    assert.equal(probes.isUp('desk'), true, 'two failures are not three')
    await schedule.advance(30_000)
    assert.equal(probes.isUp('desk'), false)
    assert.deepEqual(probes.reachOf('desk').lastStatus, 503)
    answers.set(DESK, 404)
    await schedule.advance(30_000)
    assert.equal(probes.isUp('desk'), true, 'who says 404 is alive')
    assert.deepEqual(changes, ['desk up 200', 'desk down 503', 'desk up 404'])
  })

  for (const failure of ['silence', 'failure', 408] as const)
    it(`counts ${failure} as no answer`, async () => {
      const probes = withDesk({ failuresToDown: 1 })
      await schedule.advance(30_000)
      answers.set(DESK, failure)
      await schedule.advance(40_000)
      assert.equal(probes.reachOf('desk').state, 'down')
    })

  it('takes who has never answered an OPTIONS for up, unless told to be strict', async () => {
    answers.set(DESK, 'silence')
    const lenient = withDesk()
    await schedule.advance(600_000)
    assert.deepEqual([lenient.isUp('desk'), lenient.reachOf('desk').state], [true, 'unknown'])
    lenient.called('desk', 486)
    await schedule.advance(600_000)
    assert.deepEqual(
      [lenient.isUp('desk'), lenient.reachOf('desk').state],
      [true, 'up'],
      'it takes calls, and drops OPTIONS',
    )
    lenient.close()
    const strict = withDesk({ isStrict: true })
    await schedule.advance(120_000)
    assert.equal(strict.isUp('desk'), false)
    strict.called('desk', 200)
    assert.equal(strict.isUp('desk'), true)
  })

  it('learns from calls as well', async () => {
    const probes = withDesk()
    await schedule.advance(30_000)
    for (const status of [503, 408, null]) probes.called('desk', status)
    assert.equal(probes.isUp('desk'), false)
    probes.called('desk', 486)
    assert.equal(probes.isUp('desk'), true)
    probes.called('nobody', 503)
  })

  it('knows nothing of a target whose URI has changed', async () => {
    const probes = withDesk({ failuresToDown: 1 })
    await schedule.advance(30_000)
    probes.called('desk', 503)
    assert.equal(probes.isUp('desk'), false)
    probes.apply(target(aTarget('desk', 'buyer', { uri: 'sip:desk@elsewhere.example' })))
    assert.deepEqual([probes.isUp('desk'), probes.reachOf('desk').state], [true, 'unknown'])
    await schedule.advance(30_000)
    assert.equal(asked.at(-1), 'sip:desk@elsewhere.example')
  })

  it('asks nobody when the interval is 0', async () => {
    withDesk({ intervalMs: 0 })
    await schedule.advance(600_000)
    assert.deepEqual(asked, [])
  })

  it('has so many under way at once, lets the others wait, and asks so many places at all', async () => {
    const probes = open({ maxAtOnce: 2, maxPlaces: 5 })
    for (let i = 0; i < 8; i++) {
      answers.set(`sip:t${i}@buyer.example`, 'silence')
      probes.apply(target(aTarget(`t${i}`, 'buyer')))
      probes.apply(bid(aBid(`b${i}`, 2, { targetId: aTarget(`t${i}`, 'buyer').id })))
    }
    probes.start()
    await schedule.advance(30_000)
    assert.deepEqual(probes.load, { underWay: 2, waiting: 3 })
    await schedule.advance(20_000)
    assert.equal(new Set(asked).size, 5)
    probes.close()
    await schedule.advance(60_000)
    assert.equal(asked.length, 5)
  })

  it('asks inbound trunks of a single address only when wanted', async () => {
    const probes = open({ withInboundTrunks: true })
    probes.apply(trunk(aTrunk('one', 'seller', { addresses: ['192.0.2.7/32'] })))
    probes.apply(trunk(aTrunk('six', 'seller', { addresses: ['2001:db8::1'] })))
    probes.apply(trunk(aTrunk('block', 'seller', { addresses: ['192.0.2.0/24'] })))
    probes.apply(trunk(aTrunk('two', 'seller', { addresses: ['192.0.2.8', '192.0.2.9'] })))
    probes.start()
    await schedule.advance(30_000)
    assert.deepEqual(asked.toSorted(), ['sip:192.0.2.7', 'sip:[2001:db8::1]'])
  })
})
