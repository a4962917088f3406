import assert from 'node:assert/strict'
import { dialogIdOf, dialogOfRequest, dialogOfResponse } from '../../../gateway/sip-server/dialog.ts'
import type { Dialog } from '../../../gateway/sip-server/state.ts'
import { buildInDialog, Dialogs } from '../../../gateway/sip-server/dialogs.ts'
import type { SipMessage } from '../../../gateway/sip-server/message.ts'
import { Unreachable } from '../../../gateway/sip-server/transport.ts'
import type { Peer } from '../../../gateway/sip-server/transport.ts'
import { ClientTransaction, ServerTransaction } from '../../../gateway/sip-server/state.ts'
import { isParseFailure, parseMessage, serialize } from '../../../gateway/sip-server/wire-format.ts'

const transport = new Unreachable({
  name: 'udp',
  isReliable: false,
  host: '192.0.2.1',
  port: 5060,
  send: () => undefined,
  close: () => Promise.resolve(),
})
const peer: Peer = { transport, host: '192.0.2.2', port: 5060, connection: null }
const runner = { serverTimer() {}, serverSendFailed() {}, clientTimer() {}, clientSendFailed() {} }
const dialogRunner = { dialogTimer() {} }

function message(startLine: string, ...lines: string[]): SipMessage {
  const parsed = parseMessage(
    [startLine, 'Via: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1', 'Call-ID: c1', ...lines, '', ''].join('\r\n'),
  )
  assert.ok(!isParseFailure(parsed), JSON.stringify(parsed))
  return parsed
}

const INVITE_IN = message(
  'INVITE sip:us@192.0.2.1 SIP/2.0',
  'From: "A" <sip:a@there>;tag=theirs;x=y',
  'To: <sip:us@here>',
  'CSeq: 7 INVITE',
  'Contact: "A" <sip:a@192.0.2.2:5070;ob>;expires=60',
  'Record-Route: <sip:p1;lr>, <sip:p2;lr>',
)

function answeredDialog(): Dialog {
  const transaction = new ServerTransaction(runner, 'id', 'key', INVITE_IN, peer, peer, 'ours')
  return dialogOfRequest(dialogRunner, transaction, peer, 1)
}

function placedDialog(response: SipMessage): Dialog {
  const invite = message(
    'INVITE sip:b@192.0.2.9 SIP/2.0',
    'From: <sip:us@here>;tag=ours',
    'To: <sip:b@there>',
    'CSeq: 3 INVITE',
  )
  return dialogOfResponse(dialogRunner, new ClientTransaction(runner, 'id', 'key', invite, '', peer), response, peer)
}

const answer = (status: number, tag: string, ...lines: string[]): SipMessage =>
  message(
    `SIP/2.0 ${status} X`,
    'From: <sip:us@here>;tag=ours',
    `To: <sip:b@there>;tag=${tag}`,
    'CSeq: 3 INVITE',
    ...lines,
  )

const infoFrom = (tag: string): SipMessage =>
  message('INFO sip:us@here SIP/2.0', `From: <sip:b@there>;tag=${tag}`, 'To: <sip:us@here>;tag=ours', 'CSeq: 1 INFO')

const byeWith = (fromTag: string, toTag: string): SipMessage =>
  message('BYE sip:x SIP/2.0', `From: <sip:us@here>;tag=${fromTag}`, `To: <sip:a@there>;tag=${toTag}`, 'CSeq: 1 BYE')

describe('dialogs', () => {
  it('take identity, target and route set from the INVITE they answer (RFC 3261 §12.1.1)', () => {
    const dialog = answeredDialog()
    assert.equal(dialog.id, 'c1;from-tag=theirs')
    assert.deepEqual([dialog.localTag, dialog.remoteTag, dialog.remoteCSeq], ['ours', 'theirs', 7])
    assert.equal(dialog.remoteTarget, 'sip:a@192.0.2.2:5070;ob')
    assert.deepEqual(dialog.routeSet, ['<sip:p1;lr>', '<sip:p2;lr>'])
    const { request, nextUri } = buildInDialog(dialog, 'BYE', dialog.remoteTarget, 12)
    assert.equal(nextUri, 'sip:p1;lr')
    assert.equal(
      serialize(request),
      [
        'BYE sip:a@192.0.2.2:5070;ob SIP/2.0',
        'Route: <sip:p1;lr>',
        'Route: <sip:p2;lr>',
        'Max-Forwards: 70',
        'From: <sip:us@here>;tag=ours',
        'To: "A" <sip:a@there>;tag=theirs;x=y',
        'Call-ID: c1',
        'CSeq: 12 BYE',
        'Content-Length: 0',
        '',
        '',
      ].join('\r\n'),
    )
  })

  it('take them from the answer when we called: routes reversed, and the 2xx over the 18x (§12.1.2, §13.2.2.4)', () => {
    const dialog = placedDialog(
      answer(180, 't1', 'Contact: <sip:b@192.0.2.3>', 'Record-Route: <sip:p1;lr>, <sip:p2;lr>'),
    )
    assert.equal(dialog.id, dialogIdOf('c1', 'ours'))
    assert.deepEqual([dialog.remoteTag, dialog.remoteTarget], ['t1', 'sip:b@192.0.2.3'])
    assert.deepEqual(dialog.routeSet, ['<sip:p2;lr>', '<sip:p1;lr>'])
    dialog.learnFromResponse(answer(200, 't2', 'Contact: <sip:b@192.0.2.4>'))
    assert.deepEqual([dialog.remoteTag, dialog.remoteTarget, dialog.routeSet], ['t2', 'sip:b@192.0.2.4', []])
  })

  it('send to the Request-URI when the answer names no Contact', () => {
    assert.equal(placedDialog(answer(200, 't')).remoteTarget, 'sip:b@192.0.2.9')
  })

  it('are found by Call-ID and both tags; an early one of ours by any fork', () => {
    const dialogs = new Dialogs()
    const placed = placedDialog(answer(180, 't1'))
    assert.ok(dialogs.add(placed))
    assert.equal(dialogs.findForRequest(infoFrom('t2')), placed)
    placed.state = 'confirmed'
    assert.equal(dialogs.findForRequest(infoFrom('t2')), undefined)
    assert.equal(dialogs.findForRequest(infoFrom('t1')), placed)
  })

  it('do not share a name, and end once', () => {
    const dialogs = new Dialogs()
    const dialog = answeredDialog()
    assert.ok(dialogs.add(dialog))
    assert.ok(!dialogs.add(answeredDialog()))
    assert.ok(dialogs.remove(dialog))
    assert.ok(!dialogs.remove(dialog))
    assert.equal(dialogs.size, 0)
    assert.ok(dialogs.add(answeredDialog()))
  })

  it('are found for an application that names only Call-ID and tags', () => {
    const dialogs = new Dialogs()
    dialogs.add(answeredDialog())
    assert.equal(dialogs.findForAppRequest(byeWith('ours', 'theirs'))?.id, 'c1;from-tag=theirs')
    assert.equal(dialogs.findForAppRequest(byeWith('theirs', 'ours')), undefined)
  })
})
