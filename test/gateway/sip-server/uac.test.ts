import assert from 'node:assert/strict'
import type { SipMessage } from '../../../gateway/sip-server/message.ts'
import { SDP } from '../../support/sip-peer.ts'
import type { SipPeer } from '../../support/sip-peer.ts'
import { eventually, TestServer } from '../../support/sip-server.ts'
import type { RawApplication } from '../../support/sip-server.ts'

/** Writes a request as an application does: the server adds the rest. */
const request = (method: string, uri: string, headers: readonly string[] = [], body = ''): string =>
  `${method} ${uri} SIP/2.0\r\n${headers.map((line) => `${line}\r\n`).join('')}\r\n${body}`

describe('requests of applications', () => {
  let server: TestServer
  let app: RawApplication
  let peer: SipPeer
  let uri: string

  beforeEach(async () => {
    await open({ timers: { t1Ms: 20 } })
  })
  afterEach(async () => {
    const { internalErrors } = await server.handle.stats()
    await server.close()
    assert.deepEqual(internalErrors === 0 ? [] : server.logged, [])
  })

  async function open(options: Parameters<typeof TestServer.start>[0]): Promise<void> {
    server = await TestServer.start(options)
    app = await server.application()
    peer = await server.peer()
    uri = `sip:bob@127.0.0.1:${peer.port}`
  }

  async function reopen(options: Parameters<typeof TestServer.start>[0]): Promise<void> {
    await server.close()
    await open(options)
  }

  /** Rings out: the INVITE received, and its transaction's id. */
  async function inviting(headers: readonly string[] = []): Promise<{ id: string; invite: SipMessage }> {
    const echo = await app.ask(`sip||\r\n${request('INVITE', uri, headers, SDP)}`)
    assert.equal(echo[0], 'OK', echo.join('|'))
    return { id: echo[7]!, invite: await peer.receive('INVITE') }
  }

  /** A call that is up: its INVITE and dialog id. */
  async function connected(
    options: Parameters<SipPeer['reply']>[3] = {},
  ): Promise<{ invite: SipMessage; dialogId: string }> {
    const { invite } = await inviting()
    peer.reply(invite, 200, 'OK', { body: SDP, ...options })
    const { tokens } = await app.shown(200)
    const dialogId = tokens[9]!
    assert.equal((await app.ask(`sip||${dialogId}\r\n${request('ACK', uri)}`))[0], 'OK')
    await peer.receive('ACK')
    return { invite, dialogId }
  }

  async function nothingLeft(): Promise<void> {
    await eventually(async () => {
      const { openTransactions, lingeringTransactions, dialogs } = await server.handle.stats()
      return openTransactions + lingeringTransactions + dialogs === 0
    })
  }

  it("gives a request all that identifies it, puts our address for localhost, and drops what is not the application's", async () => {
    const own = [
      'from: <sip:alice@localhost>',
      'contact: <sip:alice@localhost>',
      'x-id: 7',
      'Via: SIP/2.0/UDP 1.1.1.1',
      'Route: <sip:evil;lr>',
      'user-agent: dce',
    ]
    const echo = await app.ask(`sip||\r\n${request('INVITE', uri, own, SDP)}`)
    const invite = await peer.receive('INVITE')
    const local = `127.0.0.1:${server.port('udp')}`
    assert.match(invite.get('from')!, new RegExp(`^<sip:alice@${local}>;tag=[0-9a-f]{16}$`))
    assert.equal(invite.get('to'), `<${uri}>`)
    assert.equal(invite.get('contact'), `<sip:alice@${local}>`)
    assert.match(invite.callId, /^[0-9a-f]{32}$/)
    assert.equal(invite.get('max-forwards'), '70')
    assert.equal(invite.getAll('via').length, 1)
    assert.match(invite.get('via')!, new RegExp(`^SIP/2.0/UDP ${local};branch=z9hG4bK[0-9a-f]{20};rport$`))
    assert.equal(invite.get('route'), undefined)
    assert.equal(invite.headers.find((each) => each.key === 'x-id')!.name, 'x-id')
    assert.equal(invite.get('user-agent'), 'dce')
    assert.equal(invite.get('content-type'), 'application/sdp')
    assert.equal(invite.body, SDP)
    // OK, application, bytes, protocol, local address, port, time, transaction, 'Msg sent:', ''
    assert.deepEqual(
      [echo[0], echo[1], echo[3], echo[4], echo[5]],
      ['OK', 'application', 'udp', '127.0.0.1', String(server.port('udp'))],
    )
    assert.deepEqual(echo.slice(8), ['Msg sent:', ''])
  })

  it('honours tags, Call-ID, CSeq, Route and next hop of a request in a dialog it does not know', async () => {
    const headers = [
      'From: <sip:us@dce>;tag=ours',
      'To: <sip:them@there>;tag=theirs',
      'Call-ID: left-by-a-crash@dce',
      'CSeq: 41 BYE',
      'Route: <sip:10.9.9.9;lr>',
      'Route: <sip:10.8.8.8;lr>',
    ]
    const echo = await app.ask(`sip|||${uri}\r\n${request('BYE', 'sip:them@192.0.2.1:5062', headers)}`)
    assert.equal(echo[0], 'OK')
    const bye = await peer.receive('BYE')
    assert.equal(bye.requestUri, 'sip:them@192.0.2.1:5062')
    assert.deepEqual([bye.fromTag, bye.toTag, bye.callId, bye.cseq], ['ours', 'theirs', 'left-by-a-crash@dce', 41])
    assert.deepEqual(bye.getAll('route'), ['<sip:10.9.9.9;lr>', '<sip:10.8.8.8;lr>'])
    assert.equal(bye.get('contact'), undefined)
    peer.reply(bye, 481, 'No Such Call')
    assert.equal((await app.shown(481)).tokens[8], echo[7])
  })

  it('routes by the first Route when no next hop is given', async () => {
    const headers = [
      'From: <sip:us@dce>;tag=a',
      'To: <sip:x@y>;tag=b',
      'Call-ID: c',
      'CSeq: 2 BYE',
      `Route: <sip:127.0.0.1:${peer.port};lr>`,
    ]
    await app.ask(`sip||\r\n${request('BYE', 'sip:them@192.0.2.1', headers)}`)
    assert.equal((await peer.receive('BYE')).requestUri, 'sip:them@192.0.2.1')
  })

  it("refuses what cannot be sent, in drachtio's words", async () => {
    const cases: [string, string][] = [
      [request('INVITE', 'bob'), 'invalid request-uri: INVITE bob SIP/2.0'],
      [request('INVITE', 'http://example.com'), 'invalid request-uri: INVITE http://example.com SIP/2.0'],
      [request('FROB', uri), `invalid request-uri: FROB ${uri} SIP/2.0`],
      [request('INVITE', `sip:x@127.0.0.1:${server.port('udp')}`), 'can not send request to myself'],
      [request('INVITE', 'sips:bob@127.0.0.1'), 'requested protocol/transport not available'],
      [request('INVITE', 'sip:bob@127.0.0.1;transport=sctp'), 'requested protocol/transport not available'],
      [request('INVITE', 'tel:+15551234567'), 'requested protocol/transport not available'],
      [request('MESSAGE', uri, [], 'hello'), 'missing content-type'],
    ]
    for (const [text, reason] of cases) assert.deepEqual(await app.ask(`sip||\r\n${text}`), ['NOK', reason])
    assert.deepEqual(await app.ask(`sip||no-such;from-tag=x\r\n${request('INFO', 'sip:placeholder')}`), [
      'NOK',
      'Server error: unable to find dialog for dialog id provided',
    ])
    assert.deepEqual(await app.ask(`sip||no-such;from-tag=x\r\n${request('ACK', uri)}`), [
      'NOK',
      'Server error: ACK for non-success final response is automatically generated by server',
    ])
    assert.deepEqual(await app.ask(`sip|no-such|\r\n${request('CANCEL', uri)}`), [
      'NOK',
      'unable to cancel unknown transaction id: no-such',
    ])
    assert.equal((await app.ask(`sip||\r\nthis is not SIP`))[0], 'NOK')
  })

  it('sends again until answered, and makes up 408 when nobody answers', async () => {
    const { id } = await inviting()
    const { tokens, text } = await app.shown(408)
    assert.ok(peer.count('INVITE') >= 6)
    assert.deepEqual(
      [tokens[2], tokens[3], tokens[5], tokens[6], tokens[8], tokens[9]],
      ['network', '0', '', '0', id, ''],
    )
    assert.match(text, /^SIP\/2.0 408 Request Timeout\r\n/)
    const options = await app.ask(`sip||\r\n${request('OPTIONS', uri)}`)
    assert.equal((await app.shown(408)).tokens[8], options[7])
    await nothingLeft()
  })

  it('makes up 503 when a connection is refused, or a name has no address', async () => {
    const refused = await app.ask(`sip||\r\n${request('INVITE', 'sip:bob@127.0.0.1:1;transport=tcp')}`)
    assert.equal((await app.shown(503)).tokens[8], refused[7])
    const unknown = await app.ask(`sip||\r\n${request('OPTIONS', 'sip:bob@no-such-host.invalid')}`)
    assert.equal(unknown[0], 'OK')
    assert.equal((await app.shown(503)).tokens[8], unknown[7])
    await nothingLeft()
  })

  it('finds a host by its name', async () => {
    await app.ask(`sip||\r\n${request('OPTIONS', `sip:localhost:${peer.port}`)}`)
    assert.equal((await peer.receive('OPTIONS')).requestUri, `sip:localhost:${peer.port}`)
  })

  it('never puts the echo and an answer of the same transaction into one write', async () => {
    peer.received.length = 0
    const seen = new Set<string | null>()
    for (let i = 0; i < 30; i++) {
      const asked = app.ask(`sip||\r\n${request('OPTIONS', uri)}`)
      let options = await peer.receive('OPTIONS')
      while (seen.has(options.topVia!.branch)) options = await peer.receive('OPTIONS') // An earlier one, sent again.
      seen.add(options.topVia!.branch)
      peer.reply(options, 200, 'OK')
      const echo = await asked
      await app.shown(200)
      const shared = app.chunks.filter(
        (chunk) => chunk.includes(`${echo[7]}|Msg sent`) && chunk.includes('|sip|network'),
      )
      assert.deepEqual(shared, [])
    }
  })

  it('keeps a CANCEL until the first provisional answer', async () => {
    const { id, invite } = await inviting()
    assert.equal((await app.ask(`sip|${id}|\r\n${request('CANCEL', uri, ['Reason: SIP;cause=487'])}`))[0], 'OK')
    assert.equal(peer.count('CANCEL'), 0)
    peer.reply(invite, 100, 'Trying')
    const cancel = await peer.receive('CANCEL')
    assert.equal(cancel.topVia!.branch, invite.topVia!.branch)
    assert.equal(cancel.get('reason'), 'SIP;cause=487')
    assert.equal(cancel.get('contact'), undefined)
    peer.reply(cancel, 200, 'OK')
    peer.reply(invite, 487, 'Request Terminated')
    await app.shown(487)
    await peer.receive('ACK')
    assert.equal((await app.ask(`sip|${id}|\r\n${request('CANCEL', uri)}`))[0], 'NOK')
    await nothingLeft()
  })

  it('gives up on a cancelled INVITE that gets no final answer', async () => {
    const { id, invite } = await inviting()
    peer.reply(invite, 180, 'Ringing')
    await app.shown(180)
    await app.ask(`sip|${id}|\r\n${request('CANCEL', uri)}`)
    peer.reply(await peer.receive('CANCEL'), 200, 'OK')
    assert.equal((await app.shown(408)).tokens[8], id)
    await nothingLeft()
  })

  it('ends the call by itself when the answer crosses the CANCEL', async () => {
    const { id, invite } = await inviting()
    peer.reply(invite, 180, 'Ringing')
    await app.shown(180)
    await app.ask(`sip|${id}|\r\n${request('CANCEL', uri)}`)
    const cancel = await peer.receive('CANCEL')
    peer.reply(invite, 200, 'OK', { body: SDP })
    peer.reply(cancel, 481, 'Too Late')
    const shown = await app.shown(200)
    await peer.receive('ACK')
    const bye = await peer.receive('BYE')
    assert.match(bye.get('reason')!, /ACK-BYE due to cancel race condition/)
    const unsolicited = await app.shown('BYE')
    assert.deepEqual([unsolicited.tokens[8], unsolicited.tokens[9]], ['unsolicited', shown.tokens[9]])
    // The application's own ACK comes too late, and does no harm.
    assert.equal((await app.ask(`sip||${shown.tokens[9]}\r\n${request('ACK', uri)}`))[0], 'NOK')
    peer.reply(bye, 200, 'OK')
    await nothingLeft()
  })

  it('sends the ACK again for a repeated 200, and shows that one once', async () => {
    const { invite } = await connected()
    peer.reply(invite, 200, 'OK', { body: SDP })
    peer.reply(invite, 200, 'OK', { body: SDP })
    await eventually(() => peer.count('ACK') === 3)
    assert.equal(app.frames.length, 0)
  })

  it('ACKs and ends a second fork that answers, quietly', async () => {
    const { invite, dialogId } = await connected({ toTag: 'first' })
    peer.reply(invite, 200, 'OK', { toTag: 'second' })
    assert.equal((await peer.receive('ACK')).toTag, 'second')
    const bye = await peer.receive('BYE')
    assert.equal(bye.toTag, 'second')
    peer.reply(invite, 200, 'OK', { toTag: 'second' })
    await eventually(() => peer.count('ACK') === 3)
    assert.equal(peer.received.filter((each) => each.method === 'BYE' && each.cseq !== bye.cseq).length, 0)
    assert.equal(app.frames.length, 0)
    assert.equal((await app.ask(`sip||${dialogId}\r\n${request('INFO', 'sip:placeholder')}`))[0], 'OK')
    assert.equal((await peer.receive('INFO')).toTag, 'first')
  })

  it('follows the route set of the answer, to a loose and to a strict router', async () => {
    const via = `<sip:127.0.0.1:${peer.port};lr>`
    const loose = await connected({
      headers: ['Record-Route: <sip:192.0.2.9;lr>', `Record-Route: ${via}`],
      contact: '<sip:b@192.0.2.7:5070>',
    })
    await app.ask(`sip||${loose.dialogId}\r\n${request('INFO', 'sip:placeholder')}`)
    const info = await peer.receive('INFO')
    assert.equal(info.requestUri, 'sip:b@192.0.2.7:5070')
    assert.deepEqual(info.getAll('route'), [via, '<sip:192.0.2.9;lr>'])
    const strict = await connected({
      headers: [`Record-Route: <sip:127.0.0.1:${peer.port}>`],
      contact: '<sip:b@192.0.2.7>',
    })
    await app.ask(`sip||${strict.dialogId}\r\n${request('INFO', 'sip:placeholder')}`)
    const strictInfo = await peer.receive('INFO')
    assert.equal(strictInfo.requestUri, `sip:127.0.0.1:${peer.port}`)
    assert.deepEqual(strictInfo.getAll('route'), ['<sip:b@192.0.2.7>'])
  })

  it('moves to a new Contact with a re-INVITE, theirs or ours', async () => {
    const { dialogId } = await connected()
    const other = await server.peer()
    await app.ask(`sip||${dialogId}\r\n${request('INVITE', 'sip:placeholder', [], SDP)}`)
    const reinvite = await peer.receive('INVITE')
    peer.reply(reinvite, 200, 'OK', { contact: other.contact })
    await app.shown(200)
    await app.ask(`sip||${dialogId}\r\n${request('ACK', uri)}`)
    assert.equal((await other.receive('ACK')).cseq, reinvite.cseq)
  })

  it('takes UPDATE from a callee that only rings, and PRACK to it', async () => {
    const { invite } = await inviting()
    peer.reply(invite, 183, 'Session Progress', { headers: ['Require: 100rel', 'RSeq: 1'] })
    const { tokens } = await app.shown(183)
    await app.ask(`sip||${tokens[9]}\r\n${request('PRACK', 'sip:placeholder', [`RAck: 1 ${invite.cseq} INVITE`])}`)
    const prack = await peer.receive('PRACK')
    assert.deepEqual([prack.toTag, prack.get('rack')], ['peer-tag', `1 ${invite.cseq} INVITE`])
    peer.requestAsCallee('UPDATE', invite)
    assert.equal((await app.shown('UPDATE')).tokens[9], tokens[9])
  })

  it('forgets the early dialog with a failure, whose id it still tells', async () => {
    const { invite } = await inviting()
    peer.reply(invite, 180, 'Ringing')
    const ringing = await app.shown(180)
    peer.reply(invite, 486, 'Busy Here')
    const busy = await app.shown(486)
    assert.equal(busy.tokens[9], ringing.tokens[9])
    assert.equal((await server.handle.stats()).dialogs, 0)
  })

  it('keeps the dialog while a BYE is challenged', async () => {
    const { dialogId } = await connected()
    await app.ask(`sip||${dialogId}\r\n${request('BYE', 'sip:placeholder')}`)
    const bye = await peer.receive('BYE')
    peer.reply(bye, 407, 'Proxy Authentication Required')
    await app.shown(407)
    assert.equal((await app.ask(`sip||${dialogId}\r\n${request('BYE', 'sip:placeholder')}`))[0], 'OK')
    const again = await peer.receive('BYE')
    assert.equal(again.cseq, bye.cseq + 1)
    peer.reply(again, 200, 'OK')
    assert.equal((await app.shown(200)).tokens[9], dialogId)
    await nothingLeft()
  })

  it('cancels what a vanished application was calling, and ends what answers all the same', async () => {
    const { invite } = await inviting()
    peer.reply(invite, 180, 'Ringing')
    await app.shown(180)
    app.close()
    const cancel = await peer.receive('CANCEL')
    peer.reply(cancel, 200, 'OK')
    peer.reply(invite, 200, 'OK', { body: SDP })
    await peer.receive('ACK')
    peer.reply(await peer.receive('BYE'), 200, 'OK')
    await nothingLeft()
  })

  it('cancels a call that rings too long', async () => {
    await reopen({ timers: { t1Ms: 20 }, limits: { maxRingingMs: 100 } })
    const { id, invite } = await inviting()
    peer.reply(invite, 180, 'Ringing')
    peer.reply(await peer.receive('CANCEL'), 200, 'OK')
    peer.reply(invite, 487, 'Request Terminated')
    assert.equal((await app.shown(487)).tokens[8], id)
  })

  it('refuses INVITEs past the limits of dialogs and of transactions', async () => {
    await reopen({ timers: { t1Ms: 20 }, limits: { maxDialogs: 1 } })
    await connected()
    assert.deepEqual(await app.ask(`sip||\r\n${request('INVITE', uri)}`), ['NOK', 'too many dialogs'])
    await reopen({ timers: { t1Ms: 20 }, limits: { maxTransactions: 1 } })
    await inviting()
    assert.deepEqual(await app.ask(`sip||\r\n${request('OPTIONS', uri)}`), ['NOK', 'too many transactions'])
    peer.request('OPTIONS')
    assert.equal((await peer.receive(503)).get('retry-after'), '10')
    assert.equal((await server.handle.stats()).overLimit, 2)
  })
})
