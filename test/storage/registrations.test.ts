import assert from 'node:assert/strict'
import { newId, type SipUserId } from '../../model/ids.ts'
import type { SipBinding } from '../../model/sip-user.ts'
import { createBuyer } from '../support/drafts.ts'
import { openTestStorage, type TestStorage } from '../support/storage.ts'

const BINDING: SipBinding = {
  contact: 'sip:agent@198.51.100.7',
  instance: 'urn:uuid:1',
  regId: 1,
  callId: 'call',
  cseq: 2,
  q: 500,
  expiresAtMs: 1_800_000_000_123,
  registeredAtMs: 1_800_000_000_000,
  path: ['<sip:p.example;lr>'],
  source: { transport: 'tcp', host: '198.51.100.7', port: 40_001 },
  userAgent: 'phone "1" é',
}

describe('registrations', () => {
  let storage: TestStorage
  before(async () => {
    storage = await openTestStorage()
    await storage.book.load(() => {})
  })
  after(() => storage.close())

  async function createUser(username: string): Promise<SipUserId> {
    const { account } = await createBuyer(storage.stores)
    const digest = { realm: 'dce', md5: 'a', sha256: 'b' }
    const draft = { accountId: account.id, username, status: 'active', trunkId: null, digest } as const
    return (await storage.stores.sipUsers.create(draft)).id
  }

  it('are kept as they were, replaced whole, and removed when there are none', async () => {
    const { registrations } = storage
    const [one, other] = [await createUser('one'), await createUser('other')]
    await registrations.save([
      { userId: one, bindings: [BINDING, { ...BINDING, regId: 2 }] },
      { userId: other, bindings: [BINDING] },
    ])
    await registrations.save([
      { userId: one, bindings: [BINDING] },
      { userId: other, bindings: [] },
    ])
    assert.deepEqual(await registrations.load(), [{ userId: one, bindings: [BINDING] }])
    await registrations.save([{ userId: one, bindings: [] }])
    assert.deepEqual(await registrations.load(), [])
  })

  it('go with their user, and one that has gone meanwhile does not hold up the others', async () => {
    const { registrations } = storage
    const [gone, stays] = [await createUser('gone'), await createUser('stays')]
    await registrations.save([{ userId: gone, bindings: [BINDING] }])
    assert.equal(await storage.stores.sipUsers.remove(gone), true)
    assert.deepEqual(await registrations.load(), [])
    await registrations.save([gone, stays, newId<SipUserId>()].map((userId) => ({ userId, bindings: [BINDING] })))
    assert.deepEqual(await registrations.load(), [{ userId: stays, bindings: [BINDING] }])
  })

  it('have usernames that are nobody else’s', async () => {
    await createUser('same')
    await assert.rejects(createUser('same'), { name: 'StoreConflict', field: 'username' })
  })
})
