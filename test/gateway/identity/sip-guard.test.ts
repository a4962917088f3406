import assert from 'node:assert/strict'
import { SipCredentials } from '../../../gateway/identity/sip-credentials.ts'
import { SipGuard } from '../../../gateway/identity/sip-guard.ts'
import type { SipServerHandle } from '../../../gateway/sip-server/start.ts'
import { Trunks } from '../../../gateway/identity/trunks.ts'
import { aSipUser, aTrunk } from '../../support/market.ts'
import { settled } from '../../support/asking-parts.ts'

describe('the SIP server is told', () => {
  /** What strangers may begin with, for these users and trunks. */
  async function strangersMay(
    unknownSource: 'refuse' | 'drop',
    { users = [], tlsNames = [] }: { users?: readonly ('agent' | 'caller')[]; tlsNames?: readonly string[] } = {},
  ): Promise<unknown> {
    const [trunks, credentials] = [new Trunks(), new SipCredentials('dce')]
    const trunk = aTrunk('trunk', 'seller', { addresses: [], tlsNames: [...tlsNames] })
    trunks.apply({ kind: 'trunk', id: trunk.id, value: trunk })
    for (const name of users) {
      const user = aSipUser(name, 'someone', name === 'caller' ? { trunkId: trunk.id } : {})
      credentials.apply({ kind: 'sip-user', id: user.id, value: user })
    }
    const told: unknown[] = []
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- All that is looked at here.
    const guard = new SipGuard({ trunks, credentials, unknownSource } as ConstructorParameters<typeof SipGuard>[0])
    const ask = (question: string, admission: { strangersMay: unknown }): Promise<void> => {
      if (question === 'setAdmission') told.push(admission.strangersMay)
      return Promise.resolve()
    }
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- The same.
    guard.attach({ ask } as unknown as SipServerHandle)
    await settled()
    assert.equal(told.length, 1)
    return told[0]
  }

  it('that strangers may send anything, where they are answered', async () => {
    assert.equal(await strangersMay('refuse'), null)
  })

  it('else only that with which somebody may prove who he is', async () => {
    assert.deepEqual(await strangersMay('drop'), [])
    assert.deepEqual(await strangersMay('drop', { users: ['agent'] }), ['REGISTER', 'MESSAGE', 'SUBSCRIBE'])
    assert.deepEqual(await strangersMay('drop', { users: ['caller'] }), ['REGISTER', 'MESSAGE', 'SUBSCRIBE', 'INVITE'])
    assert.deepEqual(await strangersMay('drop', { tlsNames: ['sip.carrier.example'] }), [
      'MESSAGE',
      'SUBSCRIBE',
      'INVITE',
    ])
  })
})
