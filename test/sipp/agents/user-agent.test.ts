import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'

import { lines } from '../../gateway/sip-server/builders.ts'
import {
  answers,
  answersAfterEarlyMedia,
  busy,
  inTurn,
  neverAnswers,
  rejects,
  silent,
} from '../../../sipp/agents/answerers.ts'
import { placeCall } from '../../../sipp/agents/callers.ts'
import type { CallerBehaviour, CallReport } from '../../../sipp/agents/callers.ts'
import type { IncomingCall } from '../../../sipp/agents/incoming-call.ts'
import { createRtpAgent } from '../../../sipp/agents/rtp-agent.ts'
import { buildSdp } from '../../../sipp/agents/sdp.ts'
import { createUserAgent } from '../../../sipp/agents/user-agent.ts'
import type { UserAgent } from '../../../sipp/agents/user-agent.ts'

const FAST = { t1Ms: 20, t2Ms: 80 }

describe('sipp/agents/user-agent', () => {
  let caller: UserAgent
  let buyer: UserAgent
  const opened: { close(): Promise<void> }[] = []

  const open = async <T extends { close(): Promise<void> }>(thing: T | Promise<T>): Promise<T> => {
    const one = await thing
    opened.push(one)
    return one
  }
  const options = (): { to: string; from: string; target: { host: string; port: number } } => ({
    to: '+18005550100',
    from: '+13125550199',
    target: buyer.local,
  })
  const play = (behaviour?: CallerBehaviour): Promise<CallReport> => placeCall(caller, options(), behaviour)

  beforeEach(async () => {
    caller = await open(createUserAgent({ timers: FAST }))
    buyer = await open(createUserAgent({ timers: FAST }))
  })

  afterEach(async () => {
    await Promise.all(opened.splice(0).map((one) => one.close()))
  })

  it('rings, answers, and the caller hangs up', async () => {
    let incoming: IncomingCall | undefined
    buyer.on('call', (call) => (incoming = call))
    buyer.on('call', answers({ ringAfterMs: 5, answerAfterMs: 30 }))
    const report = await placeCall(
      caller,
      { ...options(), pAssertedIdentity: '+13125550111', headers: { 'X-Campaign': '7' } },
      { hangUpAfterMs: 20 },
    )
    assert.equal(report.outcome.kind, 'answered')
    assert.deepEqual(
      report.progress.map((one) => one.status),
      [180],
    )
    assert.equal(report.end.cause, 'hung-up')
    assert.ok(report.pddMs! >= 4 && report.answeredMs! >= 25 && report.talkMs >= 15)
    assert.deepEqual([incoming?.to, incoming?.from], ['+18005550100', '+13125550199'])
    assert.match(incoming!.invite.get('p-asserted-identity')!, /^<sip:\+13125550111@/)
    assert.equal(incoming!.invite.get('x-campaign'), '7')
    assert.equal((await incoming!.ended).cause, 'remote-hung-up')
    assert.equal(await incoming!.acked, true)
    assert.deepEqual([caller.callCount, buyer.callCount], [0, 0])
  })

  it('lets the buyer hang up, with a reason', async () => {
    buyer.on('call', (call) => {
      call.accept()
      void call.acked.then(() => call.hangUp('Q.850;cause=16'))
    })
    const { end } = await play()
    assert.deepEqual([end.cause, end.reason], ['remote-hung-up', 'Q.850;cause=16'])
  })

  it('hears busy, and any other refusal with its headers', async () => {
    buyer.on('call', inTurn(busy(), rejects(503, { ringForMs: 10, headers: { 'Retry-After': '5' } })))
    const first = await play()
    assert.ok(first.outcome.kind === 'rejected')
    assert.deepEqual([first.outcome.status, first.outcome.reason, first.progress.length], [486, 'Busy Here', 0])
    const second = await play()
    assert.ok(second.outcome.kind === 'rejected')
    assert.deepEqual(
      [second.outcome.status, second.outcome.response?.get('retry-after'), second.progress.length],
      [503, '5', 1],
    )
    assert.equal(second.end.cause, 'rejected')
  })

  it('cancels while it rings, and after a while', async () => {
    const ends: string[] = []
    buyer.on('call', neverAnswers())
    buyer.on('call', (call) => void call.on('ended', ({ cause }) => ends.push(cause)))
    for (const behaviour of [{ cancelOnRinging: true }, { cancelAfterMs: 15 }]) {
      const { outcome, end } = await play(behaviour)
      assert.deepEqual([outcome.kind, outcome.status, end.cause], ['rejected', 487, 'cancelled'])
    }
    assert.deepEqual(ends, ['cancelled', 'cancelled'])
  })

  it('waits for a provisional answer before it cancels (RFC 3261 §9.1)', async () => {
    buyer.on('call', silent())
    const call = caller.call(options())
    call.cancel()
    const { cause } = await call.ended
    assert.equal(cause, 'cancelled')
    assert.deepEqual(call.progress, [])
  })

  it('acknowledges and hangs up an answer that crosses its CANCEL', async () => {
    let incoming: IncomingCall | undefined
    buyer.on('call', (call) => {
      incoming = call
      call.ring()
    })
    const call = caller.call(options())
    await once(call, 'progress')
    // Both in one turn: neither has seen the other's.
    incoming!.accept()
    call.cancel()
    const { kind } = await call.outcome
    assert.equal(kind, 'answered')
    assert.equal((await call.ended).cause, 'hung-up')
    assert.equal((await incoming!.ended).cause, 'remote-hung-up')
  })

  it('gets no answer at all from a dead address', async () => {
    const dead = createSocket('udp4')
    dead.bind(0, '127.0.0.1')
    await once(dead, 'listening')
    let invites = 0
    dead.on('message', () => invites++)
    const call = caller.call({ ...options(), target: { host: '127.0.0.1', port: dead.address().port } })
    const outcome = await call.outcome
    assert.deepEqual([outcome.kind, outcome.status, (await call.ended).cause], ['rejected', 408, 'no-answer'])
    // Timer A: at 0, 1, 3, 7, 15, 31, 63 times T1.
    assert.ok(invites >= 5 && invites <= 7, `${invites} INVITEs`)
    dead.close()
  })

  it('says BYE when its 200 is never acknowledged', async () => {
    const peer = createSocket('udp4')
    peer.bind(0, '127.0.0.1')
    await once(peer, 'listening')
    const { port } = peer.address()
    const seen: string[] = []
    peer.on('message', (data) => seen.push(data.toString('latin1').split('\r\n')[0]!))
    buyer.on('call', answers())
    const incoming = once(buyer, 'call')
    peer.send(
      lines(`INVITE sip:b@127.0.0.1 SIP/2.0`, {
        Via: `SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bKlost`,
        From: '<sip:a@b>;tag=1',
        To: '<sip:b@b>',
        'Call-ID': 'lost-ack',
        CSeq: '1 INVITE',
        Contact: `<sip:a@127.0.0.1:${port}>`,
        'Content-Length': '0',
      }),
      buyer.port,
    )
    const [call] = await incoming
    assert.equal((await call.ended).cause, 'ack-lost')
    assert.equal(await call.acked, false)
    while (!seen.some((line) => line.startsWith('BYE '))) await once(peer, 'message')
    assert.ok(seen.filter((line) => line === 'SIP/2.0 200 OK').length > 3)
    peer.close()
  })

  it('absorbs a retransmitted INVITE, and answers it again', async () => {
    const peer = createSocket('udp4')
    peer.bind(0, '127.0.0.1')
    await once(peer, 'listening')
    const { port } = peer.address()
    let calls = 0
    buyer.on('call', (call) => {
      calls++
      call.ring()
    })
    const statuses: string[] = []
    peer.on('message', (data) => statuses.push(data.toString('latin1').slice(8, 11)))
    const invite = lines('INVITE sip:b@127.0.0.1 SIP/2.0', {
      Via: `SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bKtwice`,
      From: '<sip:a@b>;tag=1',
      To: '<sip:b@b>',
      'Call-ID': 'twice',
      CSeq: '1 INVITE',
      'Content-Length': '0',
    })
    for (let i = 0; i < 3; i++) peer.send(invite, buyer.port)
    while (statuses.length < 4) await once(peer, 'message')
    assert.equal(calls, 1)
    assert.deepEqual(statuses, ['100', '180', '180', '180'])
    peer.close()
  })

  it('holds, asks and tells within the call', async () => {
    const requests: string[] = []
    buyer.on('call', (call) => {
      call.on('request', (request) => requests.push(`${request.method} ${request.body.length > 0}`))
      call.accept()
    })
    const call = caller.call(options())
    await call.outcome
    const held = await call.request('INVITE', { body: buildSdp({ host: '127.0.0.1', port: 9 }, 'sendonly') })
    assert.equal(held?.status, 200)
    assert.match(call.localSdp, /a=sendonly/)
    const told = await call.request('INFO', {
      body: 'Signal=5\r\nDuration=160\r\n',
      contentType: 'application/dtmf-relay',
    })
    assert.equal(told?.status, 200)
    assert.equal((await call.request('UPDATE'))?.status, 200)
    await call.hangUp()
    assert.deepEqual(requests, ['INVITE true', 'INFO true', 'UPDATE false'])
    await assert.rejects(call.request('INFO'), /over/)
  })

  it('answers 481 outside of calls, 480 when nobody listens, and 200 to OPTIONS', async () => {
    const { outcome } = await play()
    assert.equal(outcome.status, 480)
    buyer.on('call', answers())
    const call = caller.call(options())
    await call.outcome
    await buyer.close()
    const other = await open(createUserAgent({ port: buyer.port, timers: FAST }))
    const answer = await call.request('INFO')
    assert.equal(answer?.status, 481)
    await other.close()
  })

  it('hangs up all its calls when asked, and abandons them when closed', async () => {
    buyer.on('call', inTurn(answers(), neverAnswers()))
    const answered = caller.call(options())
    await answered.outcome
    const ringing = caller.call(options())
    await once(ringing, 'progress')
    await caller.hangUpAll()
    assert.deepEqual(
      [(await answered.ended).cause, (await ringing.ended).cause, caller.callCount],
      ['hung-up', 'cancelled', 0],
    )
    const abandoned = caller.call(options())
    await caller.close()
    assert.deepEqual([(await abandoned.outcome).status, (await abandoned.ended).cause], [408, 'closed'])
    await caller.close()
  })

  it('carries audio both ways, from early media to the end', async () => {
    const media = await open(createRtpAgent())
    const heard = new Promise<number>((resolve) => {
      buyer.on(
        'call',
        answersAfterEarlyMedia({ media, answerAfterMs: 200, onAudio: (stats) => resolve(stats.received) }),
      )
    })
    const report = await play({ media, hangUpAfterMs: 400 })
    assert.deepEqual(
      report.progress.map((one) => one.status),
      [183],
    )
    assert.equal(report.end.cause, 'hung-up')
    assert.equal(report.rtp?.lost, 0)
    assert.ok(report.rtp.received > 15 && report.rtp.received < 60, `heard ${report.rtp?.received}`)
    assert.ok((await heard) > 10)
  })

  it('rejects an address that is not ours, and a port in use', async () => {
    await assert.rejects(createUserAgent({ address: '192.0.2.1' }), /EADDRNOTAVAIL/)
    await assert.rejects(createUserAgent({ port: buyer.port }), /EADDRINUSE/)
  })
})
