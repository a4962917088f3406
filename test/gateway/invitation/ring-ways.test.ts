import assert from 'node:assert/strict'
import type { RingOptions, RingResult } from '../../../gateway/buyer-leg.ts'
import { ringWays } from '../../../gateway/invitation/ring-ways.ts'
import { Signaling } from '../../../gateway/srf.ts'
import type { Way } from '../../../gateway/invitation/ways.ts'
import { SDP, type SipPeer } from '../../support/sip-peer.ts'
import { TestServer } from '../../support/sip-server.ts'

describe('ringing everywhere an agent is registered', () => {
  let server: TestServer
  let signaling: Signaling
  let phones: SipPeer[]
  before(async () => {
    server = await TestServer.start()
    const log = { info: () => {}, warn: () => {} }
    const { controlPort: port } = server.handle
    signaling = new Signaling({ host: '127.0.0.1', port, secret: 'cymru', connectTimeoutMs: 5000, log })
    await signaling.connect()
  })
  after(async () => {
    signaling.close()
    await server.close()
  })
  beforeEach(async () => {
    phones = [await server.peer(), await server.peer()]
  })

  const wayTo = (phone: SipPeer): Way => ({ uri: `sip:agent@127.0.0.1:${phone.port}` })
  const ring = (groups: readonly (readonly Way[])[], changes: Partial<RingOptions> = {}): Promise<RingResult> =>
    ringWays(signaling, groups, {
      uri: 'sip:agent@dce',
      headers: {},
      sdp: SDP,
      ringTimeoutMs: 3000,
      gone: new AbortController().signal,
      goneReason: () => null,
      onInvite: () => {},
      onSent: () => {},
      onEarlyOffer: async () => {},
      onProgress: () => {},
      ...changes,
    })
  async function refuse(phone: SipPeer, status: number): Promise<void> {
    phone.reply(await phone.receive('INVITE'), status, 'No', { contact: null })
  }
  async function cancelled(phone: SipPeer): Promise<string | null> {
    const invite = await phone.receive('INVITE')
    phone.reply(invite, 180, 'Ringing')
    const cancel = await phone.receive('CANCEL')
    phone.reply(cancel, 200, 'OK', { contact: null })
    phone.reply(invite, 487, 'Request Terminated', { contact: null })
    return cancel.get('reason') ?? null
  }

  it('says it is out once, and passes on no early media of several', async () => {
    const sent: string[] = []
    const heard: (string | null)[] = []
    const ringing = ring([phones.map(wayTo)], {
      onSent: (callId) => sent.push(callId),
      onProgress: (_status, sdp) => heard.push(sdp),
    })
    for (const phone of phones) {
      const invite = await phone.receive('INVITE')
      phone.reply(invite, 183, 'Session Progress', { body: SDP })
      phone.reply(invite, 486, 'Busy Here', { contact: null })
    }
    assert.deepEqual(await ringing, { ...(await ringing), kind: 'rejected', status: 486 })
    assert.equal(sent.length, 1)
    assert.deepEqual(heard, [null, null])
  })

  it('ends with a 6xx from anyone, and rings nobody after it', async () => {
    const third = await server.peer()
    const ringing = ring([phones.map(wayTo), [wayTo(third)]])
    const [why] = await Promise.all([cancelled(phones[1]!), refuse(phones[0]!, 603)])
    assert.equal(why, 'SIP;cause=603;text="Declined elsewhere"')
    const result = await ringing
    assert.ok(result.kind === 'rejected')
    assert.equal(result.status, 603)
    assert.equal(third.count('INVITE'), 0)
  })

  it('tells the lowest class of several refusals', async () => {
    const ringing = ring([phones.map(wayTo)])
    await refuse(phones[0]!, 500)
    await refuse(phones[1]!, 480)
    const result = await ringing
    assert.equal(result.kind === 'rejected' && result.status, 480)
  })

  it('hangs up the second of two that answer', async () => {
    const ringing = ring([phones.map(wayTo)])
    const invites = await Promise.all(phones.map((phone) => phone.receive('INVITE')))
    phones.forEach((phone, i) => phone.reply(invites[i]!, 200, 'OK', { body: SDP }))
    const result = await ringing
    assert.ok(result.kind === 'answered')
    const byes = await Promise.any(phones.map(async (phone) => ({ phone, bye: await phone.receive('BYE') })))
    byes.phone.reply(byes.bye, 200, 'OK', { contact: null })
    const other = phones.find((phone) => phone !== byes.phone)!
    void result.leg.hangUp()
    other.reply(await other.receive('BYE'), 200, 'OK', { contact: null })
  })

  it('tells those who rang in vain that the call was answered elsewhere (RFC 3326)', async () => {
    const ringing = ring([phones.map(wayTo)])
    const why = cancelled(phones[1]!)
    while (phones[1]!.count('INVITE') === 0) await new Promise(setImmediate)
    const [answering] = phones as [SipPeer]
    answering.reply(await answering.receive('INVITE'), 200, 'OK', { body: SDP })
    const result = await ringing
    assert.ok(result.kind === 'answered')
    assert.equal(await why, 'SIP;cause=200;text="Call completed elsewhere"')
    void result.leg.hangUp()
    answering.reply(await answering.receive('BYE'), 200, 'OK', { contact: null })
  })

  it('takes another way to the device when its connection is gone', async () => {
    const [phone] = phones as [SipPeer]
    const gone = 'sip:127.0.0.1:1;transport=tcp'
    const ringing = ring([[{ uri: 'sip:agent@10.255.255.1', proxy: gone, fallback: wayTo(phone) }]])
    await refuse(phone, 486)
    const result = await ringing
    assert.equal(result.kind === 'rejected' && result.status, 486)
  })

  it('does not, when the device itself refused', async () => {
    const [phone, other] = phones as [SipPeer, SipPeer]
    const ringing = ring([[{ ...wayTo(phone), fallback: wayTo(other) }]])
    await refuse(phone, 480)
    const result = await ringing
    assert.equal(result.kind === 'rejected' && result.status, 480)
    assert.equal(other.count('INVITE'), 0)
  })

  it('gives all groups together one ring timeout', async () => {
    const ringing = ring([[wayTo(phones[0]!)], [wayTo(phones[1]!)]], { ringTimeoutMs: 300 })
    await cancelled(phones[0]!)
    assert.deepEqual(await ringing, { kind: 'no-answer' })
    assert.equal(phones[1]!.count('INVITE'), 0)
  })

  it('stops everywhere when the caller has gone', async () => {
    const caller = new AbortController()
    const goneReason = (): string => 'SIP;cause=487'
    const ringing = ring([phones.map(wayTo), [wayTo(phones[0]!)]], { gone: caller.signal, goneReason })
    const stopped = Promise.all(phones.map(cancelled))
    await Promise.all(
      phones.map(async (phone) => {
        while (phone.count('INVITE') === 0) await new Promise(setImmediate)
      }),
    )
    caller.abort()
    assert.deepEqual(await ringing, { kind: 'caller-gone' })
    assert.deepEqual(await stopped, ['SIP;cause=487', 'SIP;cause=487'])
    assert.deepEqual(
      phones.map((phone) => phone.count('INVITE')),
      [1, 1],
    )
  })
})
