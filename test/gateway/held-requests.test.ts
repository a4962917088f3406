import assert from 'node:assert/strict'
import { holdRequests, releaseRequests } from '../../gateway/held-requests.ts'

describe('requests of a dialog nobody listens to yet', () => {
  it('wait, but for BYE and ACK, and come in order once somebody does', () => {
    const handled: string[] = []
    const dialog = { handle: (req: { method: string }) => void handled.push(req.method) }
    holdRequests(dialog)
    for (const method of ['ACK', 'INVITE', 'INFO', 'BYE']) dialog.handle({ method })
    assert.deepEqual(handled, ['ACK', 'BYE'])
    releaseRequests(dialog)
    releaseRequests(dialog)
    dialog.handle({ method: 'UPDATE' })
    assert.deepEqual(handled, ['ACK', 'BYE', 'INVITE', 'INFO', 'UPDATE'])
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
