import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { MAX_RELAYED_AT_ONCE, RelayedRequests } from '../../../gateway/in-dialog/relayed-requests.ts'
import type { SipDialog } from '../../../gateway/srf/srf-types.ts'

/** A dialog whose requests are answered only when the test says so. */
class SlowDialog extends EventEmitter {
  readonly sent: { method: string; headers: Record<string, string> }[] = []
  request(options: { method: string; headers: Record<string, string> }): Promise<never> {
    this.sent.push(options)
    return new Promise(() => {})
  }
}

function request(method: string, headers: Record<string, string> = {}) {
  return { method, body: '', get: (name: string) => headers[name] }
}

describe('requests relayed inside a dialog', () => {
  const asDialog = (dialog: SlowDialog): SipDialog => dialog as unknown as SipDialog

  it('take along what an event package says, and nothing else', () => {
    const caller = new SlowDialog()
    const buyer = new SlowDialog()
    const relayed = new RelayedRequests(
      (side) => asDialog(side === 'caller' ? caller : buyer),
      () => {},
    )
    relayed.watch('caller', asDialog(caller))
    caller.emit('subscribe', request('SUBSCRIBE', { Event: 'dialog', Expires: '60', Via: 'x', 'X-Own': 'y' }), {})
    assert.deepEqual(buyer.sent, [{ method: 'SUBSCRIBE', headers: { Event: 'dialog', Expires: '60' }, body: '' }])
    caller.emit('unsubscribe', request('SUBSCRIBE', { Event: 'dialog', Expires: '0' }))
    assert.equal(buyer.sent[1]?.headers['Expires'], '0')
  })

  it('are refused beyond so many at once', () => {
    const caller = new SlowDialog()
    const buyer = new SlowDialog()
    const relayed = new RelayedRequests(
      (side) => asDialog(side === 'caller' ? caller : buyer),
      () => {},
    )
    relayed.watch('caller', asDialog(caller))
    const statuses: number[] = []
    const response = { send: (status: number) => void statuses.push(status) }
    for (let i = 0; i <= MAX_RELAYED_AT_ONCE; i++) caller.emit('info', request('INFO'), response)
    assert.equal(buyer.sent.length, MAX_RELAYED_AT_ONCE)
    assert.deepEqual(statuses, [503])
  })

  for (const [method, status, isOver] of [
    ['INFO', 481, true],
    ['MESSAGE', 408, true],
    ['INFO', 405, false],
    ['NOTIFY', 481, false],
  ] as const) {
    it(`${isOver ? 'tell' : 'do not tell'} of a dialog that is over when ${method} hears ${status}`, async () => {
      const [caller, buyer] = [new SlowDialog(), new SlowDialog()]
      buyer.request = () => Promise.resolve({ status, get: () => undefined } as never)
      const told: unknown[] = []
      const relayed = new RelayedRequests(
        (side) => asDialog(side === 'caller' ? caller : buyer),
        (side, dialog) => void told.push(status, side, dialog),
      )
      relayed.watch('caller', asDialog(caller))
      await new Promise((resolve) =>
        caller.emit(method.toLowerCase(), request(method), { send: (heard: number) => resolve(told.push(heard)) }),
      )
      await new Promise(setImmediate)
      assert.deepEqual(told, isOver ? [status, status, 'buyer', buyer] : [status], 'the asker is answered first')
    })
  }
})
