import assert from 'node:assert/strict'
import { once } from 'node:events'
import { heedExpires } from '../../../gateway/headers/invite-expiry.ts'
import { MenuPlaces } from '../../../gateway/menu/menu-places.ts'
import { menuCall, settle, type MenuCallTerms } from '../../support/menu-call.ts'

/** A call whose caller has been answered, has acknowledged that, and hears the question. */
async function asked(terms: MenuCallTerms = {}) {
  const scene = menuCall(terms)
  const asking = scene.ask()
  await settle()
  scene.dialog.emit('ack', { body: terms.leavesOffer ? 'v=0 theirs' : undefined })
  await settle()
  return { ...scene, asking }
}

describe('a menu', () => {
  it('is asked once its caller has been written down, answered, and heard to be there', async () => {
    const { statuses, written, keypad, dialog, ask, call } = menuCall()
    const asking = ask()
    await settle()
    assert.deepEqual([statuses, dialog.local.sdp], [[200], 'v=0 answered'])
    assert.deepEqual(
      written.map((record) => [record.kind, 'callerDialog' in record && record.callerDialog?.localTag]),
      [['asked', call.caller.localTag]],
    )
    assert.deepEqual(keypad.played, [], 'nothing is sent to who may be nobody')
    dialog.emit('ack', {})
    await settle()
    assert.deepEqual(keypad.played, ['question'])
    keypad.digitFrom('caller', '1')
    assert.equal(await asking, null)
    assert.equal(call.facts?.number?.vertical, 'boats')
    assert.deepEqual(call.facts?.number?.tags, { size: 'big', color: 'red' })
    assert.ok(call.ringback)
  })

  it('leaves the number’s own vertical where the option names none', async () => {
    const { asking, keypad, call } = await asked()
    keypad.digitFrom('caller', '2')
    assert.equal(await asking, null)
    assert.deepEqual(
      [call.facts?.number?.vertical, call.facts?.number?.tags],
      ['solar', { size: 'small', color: 'red' }],
    )
  })

  it('is asked again as often as it says, and then is over', async () => {
    const { asking, keypad, dialog, call } = await asked()
    keypad.digitFrom('caller', '8')
    await settle()
    assert.deepEqual(keypad.played, ['question', 'question'])
    keypad.digitFrom('caller', '9')
    assert.equal(await asking, 'no_choice')
    assert.deepEqual(dialog.byes, [{ Reason: 'SIP;cause=480;text="no choice"' }])
    assert.deepEqual([call.outcome, call.caller.finalStatus, call.durationMs], ['refused', 200, 0])
  })

  it('takes a wrong key that is told by RTP and by INFO for one', async () => {
    const { asking, keypad, call } = await asked()
    for (const digit of ['8', '8', '1']) {
      keypad.digitFrom('caller', digit)
      await settle()
    }
    assert.equal(await asking, null)
    assert.equal(call.facts?.number?.vertical, 'boats')
  })

  for (const [what, terms, reason, status] of [
    ['no engine plays or hears anything', { canPlay: false }, 'unacceptable_media', 488],
    ['the caller cannot be spoken to in G.711', { engineOffer: 'm=audio 9 RTP/AVP 111' }, 'unacceptable_media', 488],
    [
      'it cannot be written down',
      { write: () => Promise.reject(new Error('the disk is full')) },
      'storage_unavailable',
      503,
    ],
    ['there is no place left', { places: new MenuPlaces(0) }, 'menu_limit', 503],
  ] as const)
    it(`refuses its caller before the answer when ${what}`, async () => {
      const { ask, statuses, call } = menuCall(terms)
      assert.equal(await ask(), reason)
      assert.deepEqual([statuses, call.waiting], [[status], null])
    })

  it('has so many places, each of which is free again when its caller has been asked or has gone', async () => {
    const places = new MenuPlaces(2)
    const [first, second] = [await asked({ places }), await asked({ places })]
    assert.equal(await menuCall({ places }).ask(), 'menu_limit')
    first.dialog.leave()
    second.keypad.digitFrom('caller', '1')
    assert.deepEqual([await first.asking, await second.asking, places.taken], ['caller_hung_up', null, 0])
  })

  it('answers nobody who gives up while it is written down', async () => {
    const gate = Promise.withResolvers<void>()
    const { ask, request, statuses, call } = menuCall({ write: () => gate.promise })
    const asking = ask()
    await settle()
    request.emit('cancel')
    gate.resolve()
    assert.equal(await asking, 'cancelled')
    assert.deepEqual([statuses, call.outcome, call.caller.finalStatus], [[], 'cancelled', 487])
  })

  it('ends with a caller whose ACK never comes', async () => {
    const { ask, dialog, call } = menuCall()
    const asking = ask()
    await settle()
    dialog.leave('ACK timeout')
    assert.equal(await asking, 'ack_timeout')
    assert.deepEqual([call.outcome, call.hungUpBy, dialog.byes], ['failed', 'exchange', []])
  })

  it('ends with a caller of whom nothing is heard at all, since the SIP server was lost, and says BYE', async () => {
    const places = new MenuPlaces(1)
    const { ask, dialog, call } = menuCall({ maxMenuMs: 20, places })
    const asking = ask()
    await settle()
    call.interrupt()
    assert.equal(await asking, 'ack_timeout')
    assert.deepEqual([call.outcome, dialog.byes.length, places.taken], ['failed', 1, 0])
  })

  it('goes on no longer than the exchange allows, however long its prompt', async () => {
    for (const [otherwise, reason] of [
      ['hang_up', 'no_choice'],
      ['continue', null],
    ] as const) {
      const { asking, call } = await asked({ maxMenuMs: 20, menu: { otherwise } })
      assert.equal(await asking, reason)
      assert.equal(call.facts?.number?.vertical, 'solar')
    }
  })

  it('is as if nothing were chosen when it cannot be played, and the log says so', async () => {
    for (const [otherwise, reason] of [
      ['hang_up', 'no_choice'],
      ['continue', null],
    ] as const) {
      const { asking, warnings } = await asked({ hasPrompt: false, menu: { otherwise } })
      assert.equal(await asking, reason)
      assert.deepEqual(warnings, ['a menu could not be played'])
    }
  })

  for (const [why, cause, outcome] of [
    ['operator_hung_up', 480, 'failed'],
    ['shutdown', 503, 'refused'],
  ] as const)
    it(`ends as ${why}, and says so to its caller`, async () => {
      const { asking, call, dialog } = await asked()
      call.abandon(why)
      assert.equal(await asking, why)
      assert.deepEqual(dialog.byes, [{ Reason: `SIP;cause=${cause};text="${why.replaceAll('_', ' ')}"` }])
      assert.equal(call.outcome, outcome)
    })

  it('ends when its audio is gone', async () => {
    const { asking, session, dialog } = await asked()
    session.emit('failed', 'the engine is gone', 'lost')
    assert.equal(await asking, 'media_failed')
    assert.deepEqual(dialog.byes, [{ Reason: 'SIP;cause=503;text="media failed"' }])
  })

  it('is not over when the INVITE’s Expires is, which counts to the answer', async () => {
    const { asking, call, parts, keypad } = await asked({ expires: '0' })
    const unanswered = menuCall({ expires: '0' })
    heedExpires(call, parts)
    heedExpires(unanswered.call, unanswered.parts)
    await once(unanswered.call.gone, 'abort')
    assert.equal(unanswered.call.abandoned?.why, 'invite_expired')
    assert.equal(call.abandoned, null)
    keypad.digitFrom('caller', '1')
    assert.equal(await asking, null)
  })

  it('asks a caller who left the offer to us with the answer of its ACK, and ends without one', async () => {
    const { asking, keypad, answers, call } = await asked({ leavesOffer: true })
    assert.deepEqual([answers, call.caller.told, call.waiting?.answer], [['v=0 theirs'], 'v=0 theirs', 'v=0 theirs'])
    keypad.digitFrom('caller', '1')
    assert.equal(await asking, null)

    const silent = menuCall({ leavesOffer: true })
    const ending = silent.ask()
    await settle()
    silent.dialog.emit('ack', {})
    assert.equal(await ending, 'unacceptable_media')
    assert.match(silent.dialog.byes[0]?.['Reason'] ?? '', /cause=488/)
  })
})

describe('a caller who waits for a buyer', () => {
  it('presses keys by INFO', async () => {
    const { asking, says } = await asked()
    assert.equal((await says('info', { body: 'hello', type: 'text/plain' })).status, 415)
    assert.equal((await says('info', { body: '1', type: 'application/dtmf' })).status, 200)
    assert.equal(await asking, null)
  })

  it('offers its audio anew, and what it was answered is what buyers are offered', async () => {
    const { says, call, dialog } = await asked()
    const { status, body } = await says('modify', { method: 'INVITE', body: 'v=0 elsewhere' })
    assert.deepEqual([status, body], [200, 'v=0 elsewhere renewed'])
    await settle()
    assert.deepEqual([call.caller.told, dialog.local.sdp, call.waiting?.said], [body, body, 'v=0 elsewhere'])
    assert.equal((await says('update', { body: 'm=video' })).status, 488)
    assert.equal(call.waiting?.said, 'v=0 elsewhere')
    call.abandon('shutdown')
  })

  it('refreshes its session, asks what we can do, and is told to wait with what is for the other side', async () => {
    const { says, call } = await asked()
    for (const [event, method, status] of [
      ['update', 'UPDATE', 200],
      ['modify', 'INVITE', 491],
      ['options', 'OPTIONS', 200],
      ['refer', 'REFER', 603],
      ['message', 'MESSAGE', 480],
      ['subscribe', 'SUBSCRIBE', 480],
    ] as const)
      assert.equal((await says(event, { method })).status, status, method)
    call.abandon('shutdown')
  })

  it('offers nothing while a buyer who has answered is asked, and is ours no more when that one has taken the call', async () => {
    const { says, call, dialog } = await asked()
    call.attempts.push({ answeredAt: new Date(), endedAt: null } as (typeof call.attempts)[number])
    assert.equal((await says('modify', { method: 'INVITE', body: 'v=0' })).status, 491)
    call.waiting?.joined()
    assert.deepEqual(dialog.eventNames(), [])
    call.abandon('shutdown')
  })
})
