import assert from 'node:assert/strict'
import { Vault } from '../../config/vault.ts'
import { resealAll } from '../../storage/privacy/reseal.ts'
import { createDatabase, openTestStorage } from '../support/storage.ts'

const key = (id: string, byte: number) => ({ id, key: Buffer.alloc(32, byte) })
const OLD = key('old', 1)
const NEW = key('new', 2)
const SECRET = 'c2VjcmV0LW9mLWEtd2ViaG9vaw=='
const PASSWORD = 'carrier-password'
const DIGEST = { username: 'dce', realm: 'example.com', ha1: { MD5: 'f00dfeedf00dfeedf00dfeedf00dfeed' } }
const COLUMNS = `select secret::text as text from webhooks union all select password from trunks union all select digest::text from trunks
  union all select digest::text from sip_users`

describe('columns that open something', () => {
  it('are in the clear nowhere in the database, and as they were for whoever reads them', async () => {
    const databaseUrl = await createDatabase()
    const plain = await openTestStorage({ databaseUrl })
    const { webhook, trunk } = await entrust(plain)
    assert.ok((await texts(plain)).includes(SECRET))
    await plain.close()

    // What was there before there was a key is sealed by the next start.
    const storage = await openTestStorage({ databaseUrl, vault: new Vault([OLD]) })
    try {
      const other = await entrust(storage, 'other')
      for (const text of await texts(storage)) {
        assert.match(text, /^"?v2\./)
        for (const secret of [SECRET, PASSWORD, 'f00dfeed']) assert.ok(!text.includes(secret), text)
      }
      for (const id of [webhook.id, other.webhook.id])
        assert.equal((await storage.stores.webhooks.find(id))!.secret, SECRET)
      const loaded: unknown[] = []
      await storage.book.load((change) => {
        if (change.kind === 'trunk') loaded.push([change.value!.password, change.value!.digest])
      })
      assert.deepEqual(loaded, [
        [PASSWORD, DIGEST],
        [PASSWORD, DIGEST],
      ])
      const changed = await storage.stores.trunks.update(trunk.id, { name: 'renamed' }, null)
      assert.equal(changed!.password, PASSWORD)
      assert.deepEqual(storage.changes.at(-1)!.kind === 'trunk' && changed!.digest, DIGEST)
    } finally {
      await storage.close()
    }
  })

  it('are not taken for what they hide where no key is set', async () => {
    const databaseUrl = await createDatabase()
    const sealed = await openTestStorage({ databaseUrl, vault: new Vault([OLD]) })
    const { webhook } = await entrust(sealed)
    await sealed.close()
    const plain = await openTestStorage({ databaseUrl })
    try {
      await assert.rejects(
        plain.book.load(() => {}),
        /is sealed in this database: set security\.encryption_keys/,
      )
      await assert.rejects(plain.stores.webhooks.find(webhook.id), { name: 'Unsealable' })
    } finally {
      await plain.close()
    }
  })

  it('keep nobody from hearing of other changes who has not their key', async () => {
    const databaseUrl = await createDatabase()
    const without = await openTestStorage({ databaseUrl })
    const { trunk } = await entrust(without)
    await without.book.load(() => {})
    const sealed = await openTestStorage({ databaseUrl, vault: new Vault([OLD]) })
    try {
      await sealed.stores.trunks.update(trunk.id, { name: 'renamed' }, null)
      await sealed.stores.dnc.add('internal', ['+12125550123' as never], 'asked')
      await without.book.catchUp()
      assert.deepEqual(
        without.changes.map(({ kind }) => kind),
        ['dnc'],
      )
    } finally {
      await sealed.close()
      await without.close()
    }
  })

  it('are sealed anew by a rotation, and opened by the new key alone', async () => {
    const databaseUrl = await createDatabase()
    const before = await openTestStorage({ databaseUrl, vault: new Vault([OLD]) })
    const { webhook } = await entrust(before)
    await before.queries.rows(
      `update trunks set password = 'v2.${Buffer.from('lost').toString('base64url')}.AAAA.AAAA'`,
    )
    const resealers = { vault: new Vault([NEW, OLD]), bank: null, bidderSecret: () => null }
    const first = await resealAll(before.queries, resealers)
    assert.equal(first.find(({ place }) => place === 'webhooks.secret')!.changed, 1)
    assert.match(first.flatMap(({ faults }) => faults).join(), /trunks .*“lost”, which is not set/)
    assert.equal(
      (await resealAll(before.queries, resealers)).reduce((sum, { changed }) => sum + changed, 0),
      0,
    )
    await before.close()

    const after = await openTestStorage({ databaseUrl, vault: new Vault([NEW]) })
    assert.equal((await after.stores.webhooks.find(webhook.id))!.secret, SECRET)
    await after.close()
  })
})

type Opened = Awaited<ReturnType<typeof openTestStorage>>

async function texts(storage: Opened): Promise<string[]> {
  return (await storage.queries.rows(COLUMNS)).map((row) => row['text'])
}

async function entrust(storage: Opened, username = 'alice') {
  const { stores } = storage
  const account = await stores.accounts.create({
    type: 'seller',
    name: 'Seller',
    email: null,
    status: 'active',
    currency: 'USD',
    timezone: 'UTC',
    creditLimitMicros: 0n,
  })
  const accountId = account.id
  const webhook = await stores.webhooks.create({
    accountId,
    url: 'https://example.com/',
    eventTypes: ['call.ended'],
    description: '',
    status: 'active',
    secret: SECRET,
    disabledReason: null,
  } as never)
  const trunk = await stores.trunks.create({
    accountId,
    name: 'carrier',
    direction: 'outbound',
    addresses: [],
    host: 'sip.example.com',
    username: 'dce',
    password: PASSWORD,
    digest: DIGEST,
    tlsNames: [],
    priority: 0,
    register: false,
    expires: 3600,
    stripPrefix: null,
    maxCps: null,
    maxConcurrentCalls: null,
    retryAfterOnLimit: false,
    directMedia: false,
  } as never)
  await stores.sipUsers.create({ accountId, username, status: 'active', trunkId: null, digest: DIGEST } as never)
  return { webhook, trunk }
}
