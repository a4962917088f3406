import assert from 'node:assert/strict'
import type { SipMessage } from '../../../gateway/sip-server/message.ts'
import { SDP } from '../../support/sip-peer.ts'
import type { SipPeer } from '../../support/sip-peer.ts'
import { eventually, TestServer } from '../../support/sip-server.ts'
import type { RawApplication } from '../../support/sip-server.ts'

/** Writes a response as an application does: the server adds all that identifies it. */
const answer = (status: number, reason: string, ...headers: string[]): string =>
  `SIP/2.0 ${status} ${reason}\r\n${headers.map((line) => `${line}\r\n`).join('')}\r\n`

const cancelOf = (invite: string): string =>
  invite.replace(/^INVITE /, 'CANCEL ').replace(/^CSeq: (\d+) INVITE/m, 'CSeq: $1 CANCEL')

describe('requests from the network', () => {
  let server: TestServer
  let app: RawApplication
  let peer: SipPeer

  beforeEach(async () => {
    server = await TestServer.start({ timers: { t1Ms: 20 } })
    app = await server.application('invite', 'options', 'message')
    peer = await server.peer()
  })
  afterEach(async () => {
    const { internalErrors } = await server.handle.stats()
    await server.close()
    assert.deepEqual(internalErrors === 0 ? [] : server.logged, [])
  })

  /** Rings in: the INVITE's text, and the id the application answers it with. */
  async function invited(options: Parameters<SipPeer['buildRequest']>[1] = {}): Promise<{ text: string; id: string }> {
    const text = peer.buildRequest('INVITE', { body: SDP, ...options })
    peer.send(text)
    const { tokens } = await app.shown('INVITE')
    return { text, id: tokens[8]! }
  }

  /** A call that is up. */
  async function answered(): Promise<{ id: string; dialogId: string; ok: SipMessage }> {
    const { id } = await invited()
    const echo = await app.ask(`sip|${id}|\r\n${answer(200, 'OK')}`)
    const ok = await peer.receive(200)
    peer.requestAsCaller('ACK', ok)
    await app.shown('ACK')
    return { id, dialogId: echo[8]!, ok }
  }

  /** Every transaction and dialog has ended by a timer: nothing is left. */
  async function nothingLeft(): Promise<void> {
    await eventually(async () => {
      const { openTransactions, lingeringTransactions, dialogs } = await server.handle.stats()
      return openTransactions + lingeringTransactions + dialogs === 0
    })
  }

  it('answers 100 at once, shows where the request came from and on which address, and adds received and rport', async () => {
    peer.request('INVITE', { body: SDP })
    await peer.receive(100)
    const { tokens, text } = await app.shown('INVITE')
    assert.deepEqual(tokens.slice(1, 7), ['sip', 'network', String(text.length), 'udp', '127.0.0.1', String(peer.port)])
    assert.match(tokens[7]!, /^\d\d:\d\d:\d\d\.\d{6}$/)
    assert.match(tokens[8]!, /^[0-9a-f-]{36}$/)
    assert.deepEqual(tokens.slice(9), ['', '127.0.0.1', String(server.port('udp')), ''])
    assert.match(text, new RegExp(`Via: .*;rport=${peer.port};received=127\\.0\\.0\\.1\r\n`))
    assert.ok(text.endsWith(SDP))
  })

  it('absorbs retransmissions, repeating its last answer', async () => {
    const { text, id } = await invited()
    peer.send(text)
    await eventually(() => peer.count(100) === 2)
    await app.ask(`sip|${id}|\r\n${answer(180, 'Ringing')}`)
    await peer.receive(180)
    peer.send(text)
    await eventually(() => peer.count(180) === 2)
    assert.equal(app.frames.length, 0)
    assert.ok((await server.handle.stats()).retransmissionsReceived >= 2)
  })

  it('repeats a failure until its ACK, which it does not show', async () => {
    const { text, id } = await invited()
    await app.ask(`sip|${id}|\r\n${answer(603, 'Decline')}`)
    await eventually(() => peer.count(603) >= 3)
    const failure = await peer.receive(603)
    peer.send(
      text
        .replace(/^INVITE /, 'ACK ')
        .replace('1 INVITE', '1 ACK')
        .replace(/^To: .*$/m, `To: ${failure.get('to')}`),
    )
    await nothingLeft()
    assert.equal(app.frames.length, 0)
  })

  it("puts the application's tag on its answers, with Contact, Record-Route and its own headers", async () => {
    const { id } = await invited({ headers: ['Record-Route: <sip:10.0.0.1;lr>', 'Record-Route: <sip:10.0.0.2;lr>'] })
    const body = answer(
      183,
      'Session Progress',
      'to: <sip:x@y>;tag=mine',
      'x-low: 1',
      'server: dce',
      'Via: SIP/2.0/UDP 1.1.1.1',
      'contact: <sip:me@localhost>',
    )
    const echo = await app.ask(`sip|${id}|\r\n${body}${SDP}`)
    const progress = await peer.receive(183)
    assert.equal(progress.toTag, 'mine')
    assert.deepEqual(progress.getAll('record-route'), ['<sip:10.0.0.1;lr>', '<sip:10.0.0.2;lr>'])
    assert.equal(progress.getAll('via').length, 1)
    assert.equal(progress.get('contact'), `<sip:me@127.0.0.1:${server.port('udp')}>`)
    assert.equal(progress.get('content-type'), 'application/sdp')
    assert.equal(progress.get('server'), 'dce')
    assert.equal(progress.body, SDP)
    // OK, application, bytes, protocol, address, port, time, transaction, dialog, '', 'Msg sent:', ''
    assert.deepEqual(
      [echo[0], echo[1], echo[3], echo[4], echo[5]],
      ['OK', 'application', 'udp', '127.0.0.1', String(peer.port)],
    )
    assert.deepEqual(echo.slice(7), [id, `${progress.callId};from-tag=${progress.fromTag}`, '', 'Msg sent:', ''])
  })

  it('refuses an answer to an unknown transaction, and gives the first final answer for a second one', async () => {
    assert.deepEqual(await app.ask(`sip|no-such-id|\r\n${answer(200, 'OK')}`), [
      'NOK',
      'Response not sent due to unknown transaction',
    ])
    const { id } = await invited()
    await app.ask(`sip|${id}|\r\n${answer(486, 'Busy Here')}`)
    const again = await app.ask(`sip|${id}|\r\n${answer(200, 'OK')}`)
    assert.equal(again[0], 'OK')
    assert.equal(peer.count(200), 0)
    assert.equal(
      (await app.ask(`sip|${id}|\r\n${answer(200, 'OK', 'Contact: <<')}`))[1],
      'Unknown server error sending response',
    )
  })

  it('keeps the text of a 2xx until its ACK, and no longer; a repetition of the INVITE is absorbed either way', async () => {
    const { text, id } = await invited()
    await app.ask(`sip|${id}|\r\n${answer(200, 'OK')}`)
    const ok = await peer.receive(200)
    assert.equal((await app.ask(`sip|${id}|\r\n${answer(486, 'Busy Here')}`))[0], 'OK')
    peer.requestAsCaller('ACK', ok)
    await app.shown('ACK')
    assert.deepEqual(await app.ask(`sip|${id}|\r\n${answer(486, 'Busy Here')}`), [
      'NOK',
      'Response not sent due to unknown transaction',
    ])
    const answers = peer.count(200)
    peer.send(text)
    await eventually(async () => (await server.handle.stats()).retransmissionsReceived >= 1)
    assert.equal(peer.count(200), answers)
    assert.equal(app.frames.length, 0)
  })

  it('ends a call whose ACK is lost after 64*T1, and says so', async () => {
    const { id } = await invited()
    await app.ask(`sip|${id}|\r\n${answer(200, 'OK')}`)
    const bye = await peer.receive('BYE')
    assert.ok(peer.count(200) >= 5, 'the 200 was sent again and again')
    assert.match(bye.get('reason')!, /ACK timeout/)
    const shown = await app.shown('BYE')
    assert.deepEqual([shown.tokens[2], shown.tokens[8]], ['application', 'unsolicited'])
    assert.match(shown.tokens[9]!, /;from-tag=/)
    peer.reply(bye, 200, 'OK')
    await nothingLeft()
  })

  it("answers CANCEL 200 and the INVITE 487, shows it under the INVITE's id, and takes no answer after it", async () => {
    const { text, id } = await invited()
    peer.send(cancelOf(text))
    const cancelled = await peer.receive(200)
    const terminated = await peer.receive(487)
    assert.equal(cancelled.cseqMethod, 'CANCEL')
    assert.equal(cancelled.toTag, terminated.toTag)
    const { tokens } = await app.shown('CANCEL')
    assert.deepEqual([tokens[8], tokens[9]], [id, ''])
    assert.deepEqual(await app.ask(`sip|${id}|\r\n${answer(200, 'OK')}`), [
      'NOK',
      'Response not sent due to unknown transaction',
    ])
  })

  it('answers a CANCEL of nothing with 481', async () => {
    peer.send(cancelOf(peer.buildRequest('INVITE')))
    assert.equal((await peer.receive(481)).cseqMethod, 'CANCEL')
  })

  it('lets a CANCEL after the 200 be without effect, and ends the call itself if the caller then does not', async () => {
    const { text, id } = await invited()
    await app.ask(`sip|${id}|\r\n${answer(200, 'OK')}`)
    const ok = await peer.receive(200, { method: 'INVITE' })
    peer.send(cancelOf(text))
    assert.equal((await peer.receive(200, { method: 'CANCEL' })).cseqMethod, 'CANCEL')
    peer.requestAsCaller('ACK', ok)
    await app.shown('ACK')
    const bye = await peer.receive('BYE')
    assert.match(bye.get('reason')!, /CANCEL after 200 OK/)
    assert.equal((await app.shown('BYE')).tokens[8], 'unsolicited')
    assert.equal(peer.count(487), 0)
  })

  it('answers 481 outside dialogs, 482 to a twin, 501 to an unknown method, 416 to an unknown scheme', async () => {
    peer.request('BYE', { toTag: 'unknown' })
    assert.equal((await peer.receive(481)).cseqMethod, 'BYE')
    peer.request('UPDATE')
    await peer.receive(481)
    peer.request('INVITE', { toTag: 'unknown' })
    await peer.receive(481)
    const { text } = await invited()
    peer.send(text.replace(/branch=[^;]+/, 'branch=z9hG4bKtwin'))
    await peer.receive(482)
    peer.request('FROBNICATE')
    assert.match((await peer.receive(501)).get('allow')!, /INVITE/)
    peer.request('OPTIONS', { uri: 'http://example.com' })
    await peer.receive(416)
    peer.request('INVITE', { without: ['Contact'] })
    assert.equal((await peer.receive(400)).reason, 'Missing Contact')
    peer.send(peer.buildRequest('INVITE').replace(/^Contact: .*$/m, 'Contact: *'))
    assert.equal((await peer.receive(400)).reason, 'Malformed Contact')
  })

  it('answers 405 to what nobody ever asked for, with what is, and 503 while whoever did is away', async () => {
    const allowed = async (method: string): Promise<string> => {
      peer.request(method)
      return (await peer.receive(405)).getAll('allow').join(', ')
    }
    for (const method of ['SUBSCRIBE', 'REFER', 'PUBLISH', 'INFO', 'NOTIFY', 'REGISTER'])
      assert.equal(await allowed(method), 'INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE, PRACK, MESSAGE')
    const registrar = await server.application('register')
    app.close()
    await eventually(async () => (await server.handle.stats()).applications === 1)
    assert.equal(await allowed('SUBSCRIBE'), 'REGISTER')
    peer.request('MESSAGE')
    assert.equal((await peer.receive(503)).cseqMethod, 'MESSAGE')
    assert.equal((await registrar.ask('remove_route|register'))[0], 'OK')
    peer.request('SUBSCRIBE')
    assert.equal((await peer.receive(503)).cseqMethod, 'SUBSCRIBE')
    await registrar.ask('route|options')
    assert.equal(await allowed('REGISTER'), 'OPTIONS')
  })

  it('answers 400 to what is malformed but can be answered, naming the header; drops and counts the rest', async () => {
    peer.send(peer.buildRequest('OPTIONS', { without: ['Call-ID'] }))
    assert.equal((await peer.receive(400)).reason, 'Missing Call-ID')
    peer.send(peer.buildRequest('INVITE').replace('1 INVITE', '1 OPTIONS'))
    assert.equal((await peer.receive(400)).reason, 'CSeq method does not match')
    peer.send(peer.buildRequest('INVITE').replace('SIP/2.0\r\n', 'SIP/7.0\r\n'))
    assert.equal((await peer.receive(505)).reason, 'Version Not Supported')
    peer.send('GET / HTTP/1.1\r\n\r\n')
    peer.send(peer.buildRequest('OPTIONS', { without: ['Via'] }))
    peer.send(peer.buildRequest('ACK', { without: ['Call-ID'] }))
    peer.send('\r\n\r\n')
    await eventually(async () => (await server.handle.stats()).parseFailures === 6)
    assert.equal((await server.handle.stats()).dropped, 3)
    // And it carries on.
    await invited()
  })

  it('ends the dialog on BYE before the application has answered it; that answer still goes out', async () => {
    const { ok, dialogId } = await answered()
    peer.requestAsCaller('BYE', ok)
    const { tokens } = await app.shown('BYE')
    assert.equal(tokens[9], dialogId)
    assert.equal((await server.handle.stats()).dialogs, 0)
    const echo = await app.ask(`sip|${tokens[8]}|\r\n${answer(200, 'OK')}`)
    assert.deepEqual(echo.slice(7), [tokens[8], '', '', 'Msg sent:', ''])
    await peer.receive(200, { method: 'BYE' })
    peer.requestAsCaller('INFO', ok, { cseq: 5 })
    await peer.receive(481)
    await nothingLeft()
  })

  it('answers 500 to a request out of order, and keeps one re-INVITE at a time', async () => {
    const { ok } = await answered()
    peer.requestAsCaller('INFO', ok, { cseq: 10 })
    await app.shown('INFO')
    peer.requestAsCaller('INFO', ok, { cseq: 9 })
    assert.equal((await peer.receive(500)).cseq, 9)
    peer.requestAsCaller('INVITE', ok, { cseq: 11 })
    await app.shown('INVITE')
    peer.requestAsCaller('INVITE', ok, { cseq: 12 })
    const busy = await peer.receive(500)
    assert.deepEqual([busy.cseq, busy.get('retry-after') !== undefined], [12, true])
    peer.requestAsCaller('UPDATE', ok, { cseq: 13 })
    await app.shown('UPDATE')
    peer.requestAsCaller('UPDATE', ok, { cseq: 14 })
    assert.equal((await peer.receive(500)).cseq, 14)
  })

  it('says in every 2xx to a re-INVITE or UPDATE where it is and what can be done (RFC 3311 §7)', async () => {
    const { ok } = await answered()
    for (const [i, method] of ['UPDATE', 'INVITE', 'UPDATE'].entries()) {
      peer.requestAsCaller(method, ok, { cseq: 2 + i, body: SDP })
      const { tokens } = await app.shown(method)
      await app.ask(`sip|${tokens[8]}|\r\n${answer(200, 'OK')}${SDP}`)
      const again = await peer.receive(200)
      for (const name of ['contact', 'allow', 'supported']) assert.deepEqual(again.getAll(name), ok.getAll(name))
      assert.notEqual(again.get('contact'), undefined)
      if (method === 'INVITE') peer.requestAsCaller('ACK', ok, { cseq: 2 + i })
    }
    peer.requestAsCaller('INFO', ok, { cseq: 6 })
    await app.ask(`sip|${(await app.shown('INFO')).tokens[8]}|\r\n${answer(200, 'OK')}`)
    assert.equal((await peer.receive(200)).get('contact'), undefined)
  })

  it('answers 491 to a re-INVITE that meets ours', async () => {
    const { ok, dialogId } = await answered()
    await app.ask(`sip||${dialogId}\r\nINVITE sip:placeholder SIP/2.0\r\n\r\n`)
    await peer.receive('INVITE')
    peer.requestAsCaller('INVITE', ok, { cseq: 2 })
    assert.equal((await peer.receive(491)).cseq, 2)
  })

  it('cancels a re-INVITE and leaves the call as it was', async () => {
    const { ok, dialogId } = await answered()
    const reinvite = peer.requestAsCaller('INVITE', ok, { cseq: 2 })
    await app.shown('INVITE')
    peer.send(cancelOf(reinvite))
    await peer.receive(487)
    assert.equal((await app.ask(`sip||${dialogId}\r\nINFO sip:placeholder SIP/2.0\r\n\r\n`))[0], 'OK')
    await peer.receive('INFO')
  })

  it('ends an unanswered INVITE when its early dialog gets a BYE', async () => {
    const { id } = await invited()
    await app.ask(`sip|${id}|\r\n${answer(180, 'Ringing')}`)
    const ringing = await peer.receive(180)
    peer.requestAsCaller('BYE', ringing)
    await peer.receive(487)
    const cancel = await app.shown('CANCEL')
    assert.deepEqual([cancel.tokens[8], cancel.tokens[9]], [id, ''])
    assert.match(cancel.text, /\r\nReason: SIP;cause=487;/)
    const { tokens } = await app.shown('BYE')
    await app.ask(`sip|${tokens[8]}|\r\n${answer(200, 'OK')}`)
    await peer.receive(200, { method: 'BYE' })
  })

  it('refuses a second call with the Call-ID and From tag of one that is up', async () => {
    const { ok } = await answered()
    peer.request('INVITE', { callId: ok.callId.replace('@test', ''), fromTag: ok.fromTag, cseq: 9, body: SDP })
    await peer.receive(491)
  })

  it('answers one of two INVITEs that share Call-ID and From tag', async () => {
    const names = { callId: 'same', fromTag: 'same' }
    const first = await invited(names)
    const second = await invited({ ...names, cseq: 2 })
    await app.ask(`sip|${first.id}|\r\n${answer(180, 'Ringing')}`)
    assert.deepEqual(await app.ask(`sip|${second.id}|\r\n${answer(180, 'Ringing')}`), [
      'NOK',
      'dialog already exists, rejecting this request',
    ])
    assert.equal((await peer.receive(480)).cseq, 2)
  })

  it('forgets what nobody answers, and tells a caller whose call the application ignores', async () => {
    await server.close()
    server = await TestServer.start({ timers: { t1Ms: 10 }, limits: { applicationSilenceMs: 100, maxRingingMs: 200 } })
    app = await server.application('invite', 'options')
    peer = await server.peer()
    peer.request('OPTIONS')
    await app.shown('OPTIONS')
    const silent = await invited()
    assert.equal((await peer.receive(504)).cseqMethod, 'INVITE')
    assert.equal((await app.shown('CANCEL')).tokens[8], silent.id)
    assert.equal((await app.ask(`sip|${silent.id}|\r\n${answer(200, 'OK')}`))[0], 'NOK')
    const ringing = await invited()
    await app.ask(`sip|${ringing.id}|\r\n${answer(180, 'Ringing')}`)
    await peer.receive(504)
    assert.equal((await app.shown('CANCEL')).tokens[8], ringing.id)
    await nothingLeft()
  })

  it('ends a dialog that is older than allowed', async () => {
    await server.close()
    server = await TestServer.start({ timers: { t1Ms: 20 }, limits: { maxDialogMs: 100 } })
    app = await server.application('invite')
    peer = await server.peer()
    await answered()
    const bye = await peer.receive('BYE')
    assert.match(bye.get('reason')!, /Session timer expired/)
    assert.equal((await app.shown('BYE')).tokens[8], 'unsolicited')
    peer.reply(bye, 200, 'OK')
    await nothingLeft()
  })

  it('answers 503 for an application that goes away', async () => {
    await invited()
    app.close()
    await peer.receive(503)
    peer.request('INVITE', { body: SDP })
    await peer.receive(503)
    await nothingLeft()
  })

  it('sends a provisional answer reliably: numbered, repeated until its PRACK, the next one only then', async () => {
    const { id } = await invited({ headers: ['Supported: timer, 100rel'] })
    const progress = (status: number) =>
      app.ask(`sip|${id}|\r\n${answer(status, 'Progress', 'Require: 100rel', 'RSeq: 7')}`)
    assert.equal((await progress(183))[0], 'OK')
    assert.equal((await progress(180))[0], 'OK')
    const first = await peer.receive(183)
    assert.notEqual(first.get('rseq'), '7')
    await eventually(() => peer.count(183) >= 3)
    assert.equal(peer.count(180), 0)
    peer.requestAsCaller('PRACK', first, { cseq: 2, headers: [`RAck: 99 1 INVITE`] })
    await peer.receive(481, { method: 'PRACK' })
    peer.requestAsCaller('PRACK', first, { cseq: 3, headers: [`RAck: ${first.get('rseq')} 1 INVITE`] })
    const shown = await app.shown('PRACK')
    await app.ask(`sip|${shown.tokens[8]}|\r\n${answer(200, 'OK')}`)
    await peer.receive(200, { method: 'PRACK' })
    const second = await peer.receive(180)
    assert.equal(Number(second.get('rseq')), Number(first.get('rseq')) + 1)
    // The second is never acknowledged: after 64*T1 the INVITE is given up (RFC 3262 §3), and the application told so.
    assert.equal((await peer.receive(504)).cseqMethod, 'INVITE')
    const { tokens, text } = await app.shown('CANCEL')
    assert.deepEqual([tokens[2], tokens[8], tokens[9]], ['network', id, ''])
    assert.match(text, /\r\nReason: SIP;cause=504;text="Server Time-out"\r\n/)
    assert.doesNotMatch(text, /\r\nVia:/)
  })

  it('refuses a reliable answer to a caller that does not know the word', async () => {
    const { id } = await invited()
    assert.deepEqual(await app.ask(`sip|${id}|\r\n${answer(183, 'Session Progress', 'Require: 100rel')}`), [
      'NOK',
      'Remote endpoint does not support 100rel',
    ])
  })

  it('answers to the port of Via when rport was not asked for', async () => {
    const other = await server.peer()
    const text = peer
      .buildRequest('OPTIONS')
      .replace(';rport', '')
      .replace(`127.0.0.1:${peer.port};`, `127.0.0.1:${other.port};`)
    peer.send(text)
    const { tokens } = await app.shown('OPTIONS')
    await app.ask(`sip|${tokens[8]}|\r\n${answer(200, 'OK')}`)
    await other.receive(200)
    assert.equal(peer.count(200), 0)
  })
})
