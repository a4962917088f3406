import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { CallerLeg, type CallerLegPolicies } from '../../gateway/caller-leg.ts'
import { newId, type CallId } from '../../model/ids.ts'
import type { Signaling } from '../../gateway/srf.ts'
import type { SendOptions, SipRequest, SipResponse } from '../../gateway/srf/srf-types.ts'

interface Sent {
  readonly status: number
  readonly options: SendOptions
  readonly onAcknowledged: ((prack: SipRequest) => void) | undefined
}

/** An INVITE with these headers, and what was answered to it. */
function invited(headers: Record<string, string>, policies?: CallerLegPolicies) {
  const sent: Sent[] = []
  const request = Object.assign(new EventEmitter(), { body: 'v=0', get: (name: string) => headers[name] })
  const response = {
    agent: { mapServer: new Map() },
    send: (
      status: number,
      reason: string | SendOptions | undefined,
      options?: SendOptions,
      _done?: unknown,
      onAcknowledged?: Sent['onAcknowledged'],
    ) => void sent.push({ status, options: options ?? (reason as SendOptions), onAcknowledged }),
  }
  const signaling = { createUAS: () => Promise.reject(new Error('the answer is not looked at')) }
  const leg = new CallerLeg(
    signaling as unknown as Signaling,
    request as unknown as SipRequest,
    response as unknown as SipResponse,
    policies,
  )
  return { leg, sent, request }
}

const PRACK = {} as SipRequest
const WHEN_SUPPORTED = { reliableWhenSupported: true, answersCancelled: false, sessionExpiresS: 0 }

describe('the caller’s leg', () => {
  it('rings reliably when the caller requires it, or can and the operator wants it', () => {
    for (const [headers, policies, isReliable] of [
      [{ Require: 'timer, 100REL' }, undefined, true],
      [{ Supported: '100rel' }, undefined, false],
      [{ Supported: 'timer,100rel' }, WHEN_SUPPORTED, true],
      [{}, WHEN_SUPPORTED, false],
    ] as const) {
      const { leg, sent } = invited(headers, policies)
      leg.ringing(180, 'Ringing', null)
      assert.equal(sent[0]?.options.headers?.['Require'], isReliable ? '100rel' : undefined)
    }
  })

  it('has one reliable answer on its way at a time, and then sends the last of those that wait', () => {
    const { leg, sent } = invited({ Require: '100rel' })
    leg.ringing(180, 'Ringing', null)
    leg.ringing(182, 'Queued', null)
    leg.ringing(183, 'Session Progress', 'v=0')
    assert.deepEqual(
      sent.map(({ status }) => status),
      [180],
    )
    sent[0]?.onAcknowledged?.(PRACK)
    assert.deepEqual(
      sent.map(({ status }) => status),
      [180, 183],
    )
  })

  it('describes itself no more in its ringing once another offer of the caller’s has been answered', async () => {
    const { leg, sent } = invited({ Require: '100rel' })
    leg.onEarlyOffer(() => Promise.resolve('v=0 renewed'))
    leg.ringing(183, 'Session Progress', 'v=0 first')
    leg.ringing(180, 'Ringing', 'v=0 first')
    const prack = { body: 'v=0 another offer', res: { send: () => undefined } } as unknown as SipRequest
    sent[0]?.onAcknowledged?.(prack)
    await new Promise(setImmediate)
    assert.deepEqual(
      sent.map(({ status, options }) => [status, options.body]),
      [
        [183, 'v=0 first'],
        [180, undefined],
      ],
    )
    assert.equal(leg.told, 'v=0 renewed')
  })

  it('waits for no PRACK when the caller gives up meanwhile', async () => {
    const { leg, request } = invited({ Require: '100rel' })
    leg.ringing(183, 'Session Progress', 'v=0')
    const accepted = leg.accept('v=0')
    request.emit('cancel', { get: () => undefined })
    assert.equal(await accepted, false)
  })

  it('does not accept before its last reliable answer is acknowledged', async () => {
    const { leg, sent } = invited({ Require: '100rel' })
    leg.ringing(183, 'Session Progress', 'v=0')
    let settled = false
    const accepted = leg.accept('v=0').finally(() => (settled = true))
    await new Promise(setImmediate)
    assert.equal(settled, false)
    sent[0]?.onAcknowledged?.(PRACK)
    await accepted
  })

  it('has heard 487 to its CANCEL whatever that says, and what the server says where nobody sent one', () => {
    for (const [cancel, status] of [
      [{ Via: 'SIP/2.0/UDP 192.0.2.1', Reason: 'SIP;cause=504' }, 487],
      [{ Reason: 'SIP;cause=504;text="Server Time-out"' }, 504],
      [{ Reason: 'Q.850;cause=16' }, 487],
      [undefined, 487],
    ] as const) {
      const { leg, request } = invited({})
      request.emit('cancel', cancel && { get: (name: string) => new Map(Object.entries(cancel)).get(name) })
      assert.deepEqual([leg.gone.aborted, leg.finalStatus], [true, status])
    }
  })

  it('takes an early offer only when its first has been answered (RFC 3311 §5.2)', async () => {
    const { leg, request } = invited({})
    const answers: [number, SendOptions | undefined][] = []
    const response = { send: (status: number, options?: SendOptions) => void answers.push([status, options]) }
    const update = (body: string) => request.emit('update', { body, get: () => undefined }, response)
    leg.onEarlyOffer((offer) => (offer === 'bad' ? Promise.reject(new Error('no')) : Promise.resolve(`to ${offer}`)))
    update('new')
    update('')
    leg.ringing(183, 'Session Progress', 'v=0')
    update('new')
    update('bad')
    await new Promise(setImmediate)
    assert.deepEqual(
      answers.map(([status]) => status),
      [500, 200, 200, 488],
    )
    assert.equal(answers[2]?.[1]?.body, 'to new')
  })

  it('tells in every answer by which id to ask for the call, once that is known to be somebody’s', () => {
    const { leg, sent } = invited({})
    const id = newId<CallId>()
    leg.ringing(180, 'Ringing', null)
    leg.nameCall(id)
    leg.ringing(183, 'Session Progress', 'v=0')
    leg.refuse(486, undefined, {})
    assert.deepEqual(
      sent.map(({ options }) => options.headers?.['X-DCE-Call-ID']),
      [undefined, id, id],
    )
  })

  it('says 487 to a CANCEL by itself only where the server leaves that to it, and has not ended the INVITE already', () => {
    const cancel = (headers: Record<string, string>) => ({ get: (name: string) => headers[name] })
    const fromCaller = cancel({ Via: 'SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa' })
    const givenUp = cancel({ Reason: 'SIP;cause=504;text="Server Time-out"' })
    const answering = { ...WHEN_SUPPORTED, answersCancelled: true }
    for (const [policies, given, statuses, final] of [
      [WHEN_SUPPORTED, fromCaller, [], 487],
      [answering, fromCaller, [487], 487],
      [answering, givenUp, [], 504],
    ] as const) {
      const { leg, sent, request } = invited({}, policies)
      const id = newId<CallId>()
      leg.nameCall(id)
      request.emit('cancel', given)
      leg.refuse(480, undefined, {})
      assert.deepEqual(
        sent.map(({ status }) => status),
        statuses,
      )
      assert.ok(sent.every(({ options }) => options.headers?.['X-DCE-Call-ID'] === id))
      assert.equal(leg.finalStatus, final)
    }
  })

  it('is lost with the connection to the SIP server unless it is answered: the server refuses it then with 503', () => {
    const { leg, sent } = invited({})
    assert.equal(leg.lose(), true)
    assert.equal(leg.finalStatus, 503)
    assert.ok(leg.gone.aborted)
    leg.refuse(480, undefined, {})
    assert.deepEqual(sent, [], 'there is nobody to say it to')
    const refused = invited({}).leg
    refused.refuse(486, undefined, {})
    assert.equal(refused.lose(), false)
    assert.equal(refused.finalStatus, 486)
  })

  it('answers an offer in a PRACK when it has been described, else refuses it, and goes on ringing after that (RFC 3262 §5)', async () => {
    const { leg, sent } = invited({ Require: '100rel' })
    const answers: [number, string | undefined][] = []
    const res = { send: (status: number, options?: SendOptions) => void answers.push([status, options?.body]) }
    const prack = { body: 'v=0 offer', res } as unknown as SipRequest
    leg.onEarlyOffer((offer) =>
      offer === 'v=0 offer' ? Promise.resolve('v=0 answer') : Promise.reject(new Error('never')),
    )
    leg.ringing(180, 'Ringing', null)
    leg.ringing(183, 'Session Progress', 'v=0')
    assert.equal(leg.told, null, 'what waits has not been told')
    sent[0]?.onAcknowledged?.(prack)
    await new Promise(setImmediate)
    assert.deepEqual(answers, [[488, undefined]])
    assert.equal(leg.told, 'v=0')
    sent[1]?.onAcknowledged?.(prack)
    leg.ringing(182, 'Queued', null)
    assert.equal(sent.length, 2, 'not before the PRACK is answered')
    await new Promise(setImmediate)
    assert.deepEqual(answers[1], [200, 'v=0 answer'])
    assert.equal(leg.told, 'v=0 answer')
    assert.equal(sent.length, 3)
  })
})
