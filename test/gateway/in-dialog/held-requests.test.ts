import assert from 'node:assert/strict'
import { holdRequests, refuseRequests, releaseRequests } from '../../../gateway/in-dialog/held-requests.ts'

describe('requests of a dialog nobody listens to yet', () => {
  it('wait, but for BYE and ACK, and come in order once somebody does', () => {
    const handled: string[] = []
    const dialog = { handle: (req: { method: string }) => void handled.push(req.method) }
    holdRequests(dialog)
    for (const method of ['ACK', 'INVITE', 'INFO']) dialog.handle({ method })
    assert.deepEqual(handled, ['ACK'])
    releaseRequests(dialog)
    releaseRequests(dialog)
    dialog.handle({ method: 'UPDATE' })
    assert.deepEqual(handled, ['ACK', 'INVITE', 'INFO', 'UPDATE'])
  })

  it('are refused when the dialog is over, by a BYE of either side', () => {
    for (const end of [
      (dialog: { handle(req: object, res?: object): void }) => dialog.handle({ method: 'BYE' }),
      (dialog: object) => refuseRequests(dialog),
    ]) {
      const handled: string[] = []
      const statuses: number[] = []
      const response = { send: (status: number) => void statuses.push(status) }
      const dialog = { handle: (req: { method: string }, _res?: object) => void handled.push(req.method) }
      holdRequests(dialog)
      dialog.handle({ method: 'INVITE' }, response)
      end(dialog)
      dialog.handle({ method: 'INFO' }, response)
      assert.deepEqual(statuses, [481, 481])
      releaseRequests(dialog)
      assert.ok(!handled.includes('INVITE'))
    }
  })

  it('are refused beyond sixteen', () => {
    const statuses: number[] = []
    const response = { send: (status: number) => void statuses.push(status) }
    const dialog = { handle: (_req: object, _res: object) => {} }
    holdRequests(dialog)
    for (let i = 0; i < 17; i++) dialog.handle({ method: 'INFO' }, response)
    assert.deepEqual(statuses, [503])
  })
})
