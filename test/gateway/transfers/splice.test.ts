import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import type { Bridge } from '../../../gateway/bridge.ts'
import type { Leg } from '../../../gateway/leg.ts'
import { leadsTo, splice, type Place } from '../../../gateway/transfers/splice.ts'
import { reinvite } from '../../../gateway/srf.ts'

type Side = Place['side']
const otherSide = (side: Side): Side => (side === 'caller' ? 'buyer' : 'caller')

/** A call whose far leg is somebody's, and in which a place is free. */
function callOf(name: string, side: Side) {
  const far = { dialog: { remote: { uri: `sip:${name}@192.0.2.1` } }, state: () => name } as unknown as Leg
  const legs: Partial<Record<Side, Leg>> = { [otherSide(side)]: far }
  const bridge = { legOf: (one: Side) => legs[one]! } as unknown as Bridge
  return {
    place: { bridge, side },
    sit: (leg: Leg) => (legs[side] = leg),
    move: (leg: Leg) => (legs[otherSide(side)] = leg),
  }
}

function spliced() {
  const [one, two] = [callOf('one', 'buyer'), callOf('two', 'caller')]
  const [forOne, forTwo] = splice({ ...one.place, said: 'answer' }, { ...two.place, said: 'offer' })
  one.sit(forOne)
  two.sit(forTwo)
  return { one, two, forOne, forTwo }
}

const answers = (leg: Leg, event: string, status: number, body?: string) =>
  leg.dialog.on(event, (req: { body: string }, res: { send(status: number, options: object): void }) =>
    res.send(status, { headers: { Expires: '7' }, body: body ?? req.body }),
  )

describe('two calls end to end', () => {
  it('hear what is asked of the one from the other', async () => {
    const { forOne, forTwo } = spliced()
    assert.deepEqual([forOne.dialog.remote.uri, forOne.dialog.local.sdp], ['sip:two@192.0.2.1', 'answer'])
    answers(forTwo, 'info', 202)
    const answer = await forOne.dialog.request({ method: 'INFO', headers: { 'content-type': 'x/y' }, body: '5' })
    assert.deepEqual([answer.status, answer.body, answer.get('expires')], [202, '5', '7'])
    assert.equal((await forTwo.dialog.request({ method: 'MESSAGE' })).status, 481, 'nobody listens there')
  })

  it('renegotiate, and keep what was agreed when the other side refuses', async () => {
    const { forOne, forTwo } = spliced()
    answers(forTwo, 'modify', 200, 'theirs')
    assert.equal(await reinvite(forOne.dialog, 'new'), 'theirs')
    assert.equal(forOne.dialog.local.sdp, 'new')
    forTwo.dialog.removeAllListeners()
    answers(forTwo, 'modify', 488)
    await assert.rejects(reinvite(forOne.dialog, 'newer'), { status: 488 })
    assert.equal(forOne.dialog.local.sdp, 'new')
  })

  it('end together, once, and say why', async () => {
    const { forOne, forTwo } = spliced()
    const heard: (string | undefined)[] = []
    const hears = (bye: { get(name: string): string | undefined }): unknown => heard.push(bye.get('Reason'))
    forTwo.dialog.on('destroy', hears)
    forOne.dialog.on('destroy', () => assert.fail('it has hung up itself'))
    await forOne.hangUp({ Reason: 'Q.850;cause=16' })
    await forOne.hangUp()
    await forTwo.hangUp()
    assert.deepEqual(heard, ['Q.850;cause=16'])
    assert.deepEqual([forOne.dialog.connected, forTwo.dialog.connected], [false, false])
    await assert.rejects(reinvite(forTwo.dialog, 'x'), { status: 481 })
  })

  it('name for a crash the dialogs of SIP that are left, through however many calls', () => {
    const { one, two, forOne, forTwo } = spliced()
    assert.deepEqual([forOne.state(), forTwo.state()], ['two', 'one'])
    const three = callOf('three', 'caller')
    const [further] = splice({ bridge: two.place.bridge, side: 'buyer', said: '' }, { ...three.place, said: '' })
    two.move(further)
    assert.equal(forOne.state(), 'three')
    assert.equal(one.place.bridge.legOf('buyer'), forOne)
  })

  it('do not go round', () => {
    const { one, two } = spliced()
    assert.equal(leadsTo({ bridge: one.place.bridge, side: 'caller' }, two.place.bridge), true)
    assert.equal(leadsTo(one.place, two.place.bridge), false)
    assert.ok(one.place.bridge.legOf('buyer').dialog instanceof EventEmitter)
  })
})
