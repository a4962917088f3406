import assert from 'node:assert/strict'
import type { SipMessage } from '../../../gateway/sip-server/message.ts'
import { SDP } from '../../support/sip-peer.ts'
import type { SipPeer } from '../../support/sip-peer.ts'
import { TestServer } from '../../support/sip-server.ts'
import type { AppRequest, RawApplication } from '../../support/sip-server.ts'

interface ProxyOptions {
  readonly flags?: string
  readonly fork?: 'serial' | 'simultaneous'
  readonly provisional?: string
  readonly final?: string
  readonly headers?: readonly string[]
}

describe('proxying', () => {
  let server: TestServer
  let app: RawApplication
  let caller: SipPeer
  const start = async (limits: Record<string, number> = {}): Promise<void> => {
    server = await TestServer.start({ timers: { t1Ms: 50 }, limits })
    app = await server.application('invite', 'message')
    caller = await server.peer()
  }
  afterEach(async () => {
    const { internalErrors } = await server.handle.stats()
    await server.close()
    assert.deepEqual(internalErrors === 0 ? [] : server.logged, [])
  })

  const uri = (peer: SipPeer, user = 'bob'): string =>
    `sip:${user}@127.0.0.1:${peer.port}${peer.transport === 'tcp' ? ';transport=tcp' : ''}`

  /** Tells the server to pass on what the application was shown. Answers the id of the frame. */
  function proxy(transactionId: string, targets: readonly string[], options: ProxyOptions = {}): string {
    const { flags = '|fullResponse|', fork = 'serial', provisional = '', final = '', headers = [] } = options
    const extra = ['INVITE sip:x SIP/2.0', ...headers, '', ''].join('\r\n')
    return app.send(`proxy|${transactionId}|${flags}|${fork}|${provisional}|${final}|${targets.join('|')}\r\n${extra}`)
  }

  /** A new INVITE of the caller's, proxied. */
  async function proxied(targets: readonly string[], options: ProxyOptions = {}): Promise<string> {
    caller.request('INVITE', { body: SDP })
    const { tokens } = await app.shown('INVITE')
    return proxy(tokens[8]!, targets, options)
  }

  /** Every answer to the frame, up to the last: statuses, then `done`. */
  async function outcome(frame: string): Promise<(number | string)[]> {
    const seen: (number | string)[] = []
    for (;;) {
      const payload = await app.frame((each) => each.split('|')[2] === frame)
      const tokens = payload.split('\r')[0]!.split('|')
      if (tokens[4] === 'done' || tokens[3] !== 'OK') return [...seen, tokens[4]!]
      assert.equal(tokens[12], 'continue')
      seen.push(Number(/SIP\/2\.0 (\d+)/.exec(payload)![1]))
    }
  }

  /** Every message of the call but the INVITE goes to where the route leads. */
  const routed = (ok: SipMessage): { uri: string; headers: string[] } => ({
    uri: /<([^>]+)>/.exec(ok.get('contact')!)![1]!,
    headers: ok
      .getAll('record-route')
      .toReversed()
      .map((route) => `Route: ${route}`),
  })

  it('stays in a call with Record-Route: ACK, re-INVITE and BYE go through, and no application sees them', async () => {
    await start()
    const callee = await server.peer()
    const frame = await proxied([uri(callee)], {
      flags: 'remainInDialog|fullResponse|',
      headers: ['X-Added: by the application', 'Subject: changed'],
    })
    const invite = await callee.receive('INVITE')
    assert.equal(invite.requestUri, uri(callee))
    assert.equal(invite.get('max-forwards'), '69')
    assert.equal(invite.get('x-added'), 'by the application')
    assert.equal(invite.get('contact'), caller.contact)
    assert.equal(invite.body, SDP)
    assert.equal(invite.getAll('via').length, 2)
    assert.equal(invite.getAll('record-route').length, 1)
    callee.reply(invite, 180, 'Ringing')
    assert.equal((await caller.receive(180)).getAll('via').length, 1)
    callee.reply(invite, 200, 'OK', { body: SDP })
    const ok = await caller.receive(200)
    assert.equal(ok.body, SDP)
    assert.deepEqual(await outcome(frame), [200, 'done'])
    caller.requestAsCaller('ACK', ok, routed(ok))
    const ack = await callee.receive('ACK')
    assert.equal(ack.get('route'), undefined)
    assert.equal(ack.requestUri, routed(ok).uri)
    caller.requestAsCaller('INVITE', ok, { ...routed(ok), body: SDP })
    const again = await callee.receive('INVITE')
    callee.reply(again, 200, 'OK', { body: SDP })
    assert.equal((await caller.receive(200)).cseq, again.cseq)
    // The callee hangs up: its route is the one it was given.
    callee.requestAsCallee('BYE', invite, { headers: [`Route: ${invite.get('record-route')}`] })
    const bye = await caller.receive('BYE')
    caller.reply(bye, 200, 'OK')
    assert.equal((await callee.receive(200)).cseqMethod, 'BYE')
    assert.deepEqual(
      app.frames.filter((each) => each.split('|')[1] === 'sip'),
      [],
    )
    assert.equal((await server.handle.stats()).dialogs, 0)
  })

  it('leaves the path when it is not asked to stay', async () => {
    await start()
    const callee = await server.peer()
    await proxied([uri(callee)])
    assert.deepEqual((await callee.receive('INVITE')).getAll('record-route'), [])
  })

  it('records both sides of itself when the transport changes', async () => {
    await start()
    const callee = await server.peer('tcp')
    await proxied([uri(callee)], { flags: 'remainInDialog||' })
    const invite = await callee.receive('INVITE')
    const [towardsCallee, towardsCaller] = invite.getAll('record-route')
    assert.match(towardsCallee!, /;transport=tcp/)
    assert.doesNotMatch(towardsCaller!, /transport/)
    callee.reply(invite, 200, 'OK')
    const ok = await caller.receive(200)
    caller.requestAsCaller('BYE', ok, routed(ok))
    const bye = await callee.receive('BYE')
    assert.deepEqual(bye.getAll('route'), [])
    callee.reply(bye, 200, 'OK')
    assert.equal((await caller.receive(200)).cseqMethod, 'BYE')
  })

  it('takes a strict router before it for what it is', async () => {
    await start()
    const callee = await server.peer()
    await proxied([uri(callee)], { flags: 'remainInDialog||' })
    callee.reply(await callee.receive('INVITE'), 200, 'OK')
    const ok = await caller.receive(200)
    const ours = /<([^>]+)>/.exec(ok.get('record-route')!)![1]!
    caller.requestAsCaller('BYE', ok, { uri: ours, headers: [`Route: <${routed(ok).uri}>`] })
    const bye = await callee.receive('BYE')
    assert.equal(bye.requestUri, routed(ok).uri)
    assert.deepEqual(bye.getAll('route'), [])
  })

  it('sends nothing on for a Route it did not give', async () => {
    await start()
    const callee = await server.peer()
    await proxied([uri(callee)], { flags: 'remainInDialog||' })
    callee.reply(await callee.receive('INVITE'), 200, 'OK')
    const ok = await caller.receive(200)
    const { headers } = routed(ok)
    caller.requestAsCaller('BYE', ok, { uri: uri(callee), headers, callId: 'of-another-call' })
    assert.equal((await caller.receive(481)).cseqMethod, 'BYE')
    const forged = headers.map((route) => route.replace(/dce=\w+/, 'dce=000000000000000000000000'))
    caller.requestAsCaller('BYE', ok, { uri: uri(callee), headers: forged })
    assert.equal((await caller.receive(481)).cseqMethod, 'BYE')
    assert.equal(callee.count('BYE'), 0)
  })

  it('tries one after the other, and stops at the one that answers', async () => {
    await start()
    const [busy, free, never] = [await server.peer(), await server.peer(), await server.peer()]
    const frame = await proxied([uri(busy), uri(free), uri(never)])
    busy.reply(await busy.receive('INVITE'), 486, 'Busy Here')
    free.reply(await free.receive('INVITE'), 200, 'OK')
    assert.equal((await caller.receive(200)).status, 200)
    assert.deepEqual(await outcome(frame), [486, 200, 'done'])
    assert.equal(never.received.length, 0)
    assert.equal((await busy.receive('ACK')).method, 'ACK')
  })

  it('rings all at once; the first to answer wins, the others are cancelled', async () => {
    await start()
    const [slow, quick] = [await server.peer(), await server.peer()]
    const frame = await proxied([uri(slow), uri(quick)], { fork: 'simultaneous' })
    const [late, early] = [await slow.receive('INVITE'), await quick.receive('INVITE')]
    slow.reply(late, 180, 'Ringing')
    await caller.receive(180)
    quick.reply(early, 200, 'OK')
    await caller.receive(200)
    const cancel = await slow.receive('CANCEL')
    assert.match(cancel.get('reason')!, /completed elsewhere/)
    slow.reply(cancel, 200, 'OK')
    slow.reply(late, 487, 'Request Terminated')
    await slow.receive('ACK')
    assert.deepEqual(await outcome(frame), [200, 'done'])
    assert.equal(caller.count(487), 0)
  })

  it('passes on the 2xx of every fork, and again when it comes again', async () => {
    await start()
    const [one, two] = [await server.peer(), await server.peer()]
    await proxied([uri(one), uri(two)], { fork: 'simultaneous' })
    const [first, second] = [await one.receive('INVITE'), await two.receive('INVITE')]
    one.reply(first, 200, 'OK', { toTag: 'one' })
    assert.equal((await caller.receive(200)).toTag, 'one')
    two.reply(second, 200, 'OK', { toTag: 'two' })
    assert.equal((await caller.receive(200)).toTag, 'two')
    one.reply(first, 200, 'OK', { toTag: 'one' })
    assert.equal((await caller.receive(200)).toTag, 'one')
  })

  for (const [statuses, best] of [
    [[404, 486], 404],
    [[486, 302], 302],
    [[500, 404], 404],
    [[404, 407], 407],
    [[603, 404], 603],
    [[503, 486], 486],
    [[503, 503], 500],
  ] as const) {
    it(`answers ${best} when ${statuses.join(' and ')} came`, async () => {
      await start()
      const callees = [await server.peer(), await server.peer()]
      const frame = await proxied(
        callees.map((callee) => uri(callee)),
        { fork: 'simultaneous' },
      )
      for (const [i, callee] of callees.entries())
        callee.reply(await callee.receive('INVITE'), statuses[i]!, 'No', { contact: '<sip:else@127.0.0.1:9>' })
      // A 6xx calls the others off, which may have answered already.
      assert.equal((await caller.receive(best)).cseqMethod, 'INVITE')
      assert.equal((await outcome(frame)).at(-1), 'done')
    })
  }

  it('gathers the challenges of all that challenged', async () => {
    await start()
    const [one, two] = [await server.peer(), await server.peer()]
    await proxied([uri(one), uri(two)], { fork: 'simultaneous' })
    one.reply(await one.receive('INVITE'), 401, 'No', { headers: ['WWW-Authenticate: Digest realm="one", nonce="1"'] })
    two.reply(await two.receive('INVITE'), 407, 'No', {
      headers: ['Proxy-Authenticate: Digest realm="two", nonce="2"'],
    })
    const challenge = await caller.receive(401)
    assert.match(challenge.get('www-authenticate')!, /one/)
    assert.match(challenge.get('proxy-authenticate')!, /two/)
  })

  it('tries nobody else after a 6xx', async () => {
    await start()
    const [declines, never] = [await server.peer(), await server.peer()]
    const frame = await proxied([uri(declines), uri(never)])
    declines.reply(await declines.receive('INVITE'), 603, 'Decline')
    await caller.receive(603)
    assert.deepEqual(await outcome(frame), [603, 'done'])
    assert.equal(never.received.length, 0)
  })

  it('cancels every branch when the caller gives up, and passes the reason on', async () => {
    await start()
    const callees = [await server.peer(), await server.peer()]
    const branch = 'z9hG4bKcancelled'
    const options = { branch, callId: 'cancelled', fromTag: 'c', body: SDP }
    caller.request('INVITE', options)
    const { tokens } = await app.shown('INVITE')
    const frame = proxy(
      tokens[8]!,
      callees.map((callee) => uri(callee)),
      { fork: 'simultaneous' },
    )
    const invites = [await callees[0]!.receive('INVITE'), await callees[1]!.receive('INVITE')]
    callees[0]!.reply(invites[0]!, 180, 'Ringing')
    await caller.receive(180)
    caller.request('CANCEL', { ...options, body: '', headers: ['Reason: SIP;cause=600;text="gone"'] })
    assert.equal((await caller.receive(200)).cseqMethod, 'CANCEL')
    assert.match((await callees[0]!.receive('CANCEL')).get('reason')!, /gone/)
    // RFC 3261 §9.1: not before a provisional answer.
    assert.equal(callees[1]!.count('CANCEL'), 0)
    callees[1]!.reply(invites[1]!, 180, 'Ringing')
    await callees[1]!.receive('CANCEL')
    for (const [i, callee] of callees.entries()) callee.reply(invites[i]!, 487, 'Request Terminated')
    assert.equal((await caller.receive(487)).cseqMethod, 'INVITE')
    assert.deepEqual(await outcome(frame), [487, 487, 'done'])
    assert.equal(app.frames.filter((each) => each.includes('\r\nCANCEL ')).length, 0)
  })

  it('gives up a target that says nothing, and one that only rings', async () => {
    await start()
    const [silent, ringing, answers] = [await server.peer(), await server.peer(), await server.peer()]
    const frame = await proxied([uri(silent), uri(ringing), uri(answers)], { provisional: '150ms', final: '1s' })
    await silent.receive('INVITE')
    const rung = await ringing.receive('INVITE')
    ringing.reply(rung, 180, 'Ringing')
    const cancel = await ringing.receive('CANCEL')
    ringing.reply(cancel, 200, 'OK')
    ringing.reply(rung, 487, 'Request Terminated')
    answers.reply(await answers.receive('INVITE'), 200, 'OK')
    await caller.receive(200)
    assert.deepEqual(await outcome(frame), [408, 408, 200, 'done'])
  })

  it('gives up ringing at timer C, and answers 408', async () => {
    await start({ proxyTimerCMs: 300 })
    const callee = await server.peer()
    await proxied([uri(callee)])
    callee.reply(await callee.receive('INVITE'), 180, 'Ringing')
    await callee.receive('CANCEL')
    assert.equal((await caller.receive(408)).cseqMethod, 'INVITE')
  })

  it('follows redirections when asked to, each once and not for ever', async () => {
    await start({ maxProxyBranches: 3 })
    const [moved, there] = [await server.peer(), await server.peer()]
    const frame = await proxied([uri(moved)], { flags: '|fullResponse|followRedirects' })
    moved.reply(await moved.receive('INVITE'), 302, 'Moved', { contact: `<${uri(there)}>, <${uri(moved)}>` })
    there.reply(await there.receive('INVITE'), 302, 'Moved', {
      contact: `<${uri(moved)}>, <${uri(there, 'again')}>, <${uri(there, 'beyond')}>`,
    })
    const again = await there.receive('INVITE')
    assert.equal(again.requestUri, uri(there, 'again'))
    there.reply(again, 302, 'Moved', { contact: `<${uri(there, 'too-many')}>` })
    assert.equal((await caller.receive(302)).get('contact'), `<${uri(there, 'too-many')}>`)
    assert.deepEqual(await outcome(frame), [302, 302, 302, 'done'])
  })

  it('passes on requests other than INVITE, and answers none with 408', async () => {
    await start()
    const callee = await server.peer()
    caller.request('MESSAGE')
    const frame = proxy((await app.shown('MESSAGE')).tokens[8]!, [uri(callee)])
    callee.reply(await callee.receive('MESSAGE'), 200, 'OK')
    assert.equal((await caller.receive(200)).cseqMethod, 'MESSAGE')
    assert.deepEqual(await outcome(frame), [200, 'done'])
    caller.request('MESSAGE')
    const lost = proxy((await app.shown('MESSAGE')).tokens[8]!, [uri(callee)])
    assert.deepEqual(await outcome(lost), [408, 'done'])
    assert.equal(caller.count(408), 0)
  })

  it('answers 500 for a target that cannot be reached', async () => {
    await start()
    const frame = await proxied(['sip:bob@127.0.0.1:9;transport=tcp'])
    assert.equal((await caller.receive(500)).cseqMethod, 'INVITE')
    assert.deepEqual(await outcome(frame), [503, 'done'])
  })

  it('says done at once to an application that wants no more', async () => {
    await start()
    const callee = await server.peer()
    const frame = await proxied([uri(callee)], { flags: '||' })
    assert.deepEqual(await outcome(frame), ['done'])
  })

  it('refuses what it cannot do, in the words of drachtio', async () => {
    await start({ maxProxyBranches: 2 })
    const refusal = async (frame: string): Promise<(number | string)[]> => outcome(frame)
    assert.deepEqual(await refusal(proxy('nobody', ['sip:x@127.0.0.1:9'])), ['Unknown transaction id: nobody'])
    caller.send(caller.buildRequest('INVITE').replace('Max-Forwards: 70', 'Max-Forwards: 0'))
    const last = (await app.shown('INVITE')).tokens[8]!
    assert.deepEqual(await refusal(proxy(last, ['sip:x@127.0.0.1:9'])), [
      'Rejected with 483 Too Many Hops due to Max-Forwards value of 0',
    ])
    await caller.receive(483)
    caller.request('INVITE', { headers: ['Proxy-Require: telepathy'] })
    proxy((await app.shown('INVITE')).tokens[8]!, ['sip:x@127.0.0.1:9'])
    assert.equal((await caller.receive(420)).get('unsupported'), 'telepathy')
    caller.request('INVITE')
    const open = (await app.shown('INVITE')).tokens[8]!
    assert.deepEqual(await refusal(proxy(open, ['sip:'])), ['invalid request-uri: sip:'])
    const many = ['sip:1@127.0.0.1:9', 'sip:2@127.0.0.1:9', 'sip:3@127.0.0.1:9']
    assert.deepEqual(await refusal(proxy(open, many)), ['too many destinations'])
    assert.equal((await app.ask('proxy|t||||serial||'))[0], 'NO')
    await app.closed()
  })

  it('finds a loop, and lets a spiral pass', async () => {
    await start()
    const neighbour = await server.peer()
    await proxied([uri(neighbour)])
    const invite = await neighbour.receive('INVITE')
    const returned = (target: string): void => {
      const lines = invite.headers.map(({ name, value }) => `${name}: ${value}`)
      const via = `Via: SIP/2.0/UDP 127.0.0.1:${neighbour.port};branch=z9hG4bK${target.length}n;rport`
      neighbour.send(`INVITE ${target} SIP/2.0\r\n${[via, ...lines].join('\r\n')}\r\n\r\n${SDP}`)
    }
    // As the caller sent it: a loop.
    returned(`sip:service@127.0.0.1:${server.port('udp')}`)
    proxy((await app.shown('INVITE')).tokens[8]!, [uri(neighbour)])
    assert.equal((await neighbour.receive(482)).cseqMethod, 'INVITE')
    // For somebody else: a spiral.
    returned(`sip:somebody@127.0.0.1:${server.port('udp')}`)
    proxy((await app.shown('INVITE')).tokens[8]!, [uri(neighbour, 'somebody')])
    assert.equal((await neighbour.receive('INVITE')).requestUri, uri(neighbour, 'somebody'))
  })

  it('does what srf.proxyRequest asks, and tells it how it went', async () => {
    server = await TestServer.start({ timers: { t1Ms: 50 } })
    caller = await server.peer()
    const callee = await server.peer()
    const results = Promise.withResolvers<{ connected: boolean; finalStatus: number; responses: unknown[] }>()
    const srf = await server.srf({
      invite: (req: AppRequest) => {
        const proxyRequest: unknown = Reflect.get(srf, 'proxyRequest')
        assert.ok(typeof proxyRequest === 'function')
        results.resolve(Reflect.apply(proxyRequest, srf, [req, [uri(callee, 'busy'), uri(callee)], {}]))
      },
    })
    caller.request('INVITE', { body: SDP })
    callee.reply(await callee.receive('INVITE'), 486, 'Busy Here')
    callee.reply(await callee.receive('INVITE'), 200, 'OK', { body: SDP })
    await caller.receive(200)
    const { connected, finalStatus, responses } = await results.promise
    assert.deepEqual([connected, finalStatus, responses.length], [true, 200, 2])
  })
})
