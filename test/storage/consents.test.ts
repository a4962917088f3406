import assert from 'node:assert/strict'
import { fingerprintOf, seal, sealFaults } from '../../compliance/consent/seal.ts'
import { VersionMismatch } from '../../api/needs.ts'
import type { BookChange } from '../../model/book.ts'
import { keptConsent, type Consent } from '../../model/consent.ts'
import { CONSENT_CHUNK } from '../../storage/consent-rows.ts'
import { aConsent } from '../support/consents.ts'
import { Vault } from '../../config/vault.ts'
import { resealAll } from '../../storage/privacy/reseal.ts'
import { createDatabase, openTestStorage, type TestStorage } from '../support/storage.ts'

type ConsentChange = Extract<BookChange, { kind: 'consent' }>

describe('consents in storage', () => {
  let storage: TestStorage
  let databaseUrl: string
  before(async () => {
    databaseUrl = await createDatabase()
    storage = await openTestStorage({ databaseUrl })
    await storage.book.load(() => {})
  })
  after(() => storage.close())

  const keep = async (...consents: Consent[]) =>
    storage.stores.consents.add(consents.map((consent) => ({ consent, fingerprint: fingerprintOf(consent) })))
  const heard = () => storage.changes.filter((change): change is ConsentChange => change.kind === 'consent')
  const revoked = ({ hash, ...consent }: Consent): Consent => {
    const at = new Date('2026-11-21T10:00:00Z')
    const revocation = { at, means: 'sms STOP', honouredBy: 'user 1', honouredAt: at }
    return seal({ ...consent, version: consent.version + 1, deed: 'revoked', at, revocation, previousHash: hash })
  }
  /** What another gateway has in memory after its start, or has heard. */
  async function loaded(): Promise<Map<string, unknown>> {
    const other = await openTestStorage({ databaseUrl })
    const found = new Map<string, unknown>()
    await other.book.load((change) => {
      if (change.kind === 'consent') for (const one of change.kept) found.set(one.id, one)
    })
    await other.close()
    return found
  }

  it('come back as they were made, hashes and all, and to every gateway', async () => {
    const consent = aConsent()
    assert.deepEqual([...(await keep(consent))], [consent.id])
    assert.deepEqual(await storage.stores.consents.find(consent.id), consent)
    assert.deepEqual(heard().at(-1), { kind: 'consent', kept: [keptConsent(consent)], gone: [] })
    assert.deepEqual((await loaded()).get(consent.id), keptConsent(consent))
    const bare = aConsent({ name: null, certificates: [], shown: null, shownSha256: null, pageUrl: null })
    await keep(bare)
    assert.deepEqual(await storage.stores.consents.find(bare.id), bare)
  })

  it('are kept once, however often they are handed in, and with every version of theirs', async () => {
    const consent = aConsent({ number: '+13055550111' as never })
    const twin = aConsent({ number: '+13055550111' as never })
    assert.deepEqual([...(await keep(consent, twin))], [consent.id])
    assert.equal((await keep(twin)).size, 0, 'the same by another id')
    assert.equal(await storage.stores.consents.find(twin.id), null)
    const next = revoked(consent)
    await storage.stores.consents.change([next])
    await assert.rejects(storage.stores.consents.change([next]), VersionMismatch)
    const history = await storage.stores.consents.history(consent.id)
    assert.deepEqual(history, [consent, next])
    assert.deepEqual(sealFaults(history), [])
    assert.deepEqual(await storage.stores.consents.ofNumber(consent.number, 10), [next])
    assert.deepEqual(heard().at(-1)!.kept, [keptConsent(next)])
    assert.deepEqual((await loaded()).get(consent.id), keptConsent(next), 'a gateway that starts knows of the no')
  })

  it('change all or none', async () => {
    const [one, two] = [aConsent({ number: '+13055550121' as never }), aConsent({ number: '+13055550122' as never })]
    await keep(one, two)
    await storage.stores.consents.change([revoked(two)])
    await assert.rejects(storage.stores.consents.change([revoked(one), revoked(two)]), VersionMismatch)
    assert.equal((await storage.stores.consents.find(one.id))!.version, 1)
  })

  it('cannot be changed or deleted behind the exchange’s back before their time', async () => {
    const url = new URL(databaseUrl.replace('postgresql:///', 'postgresql://x/'))
    const { Client } = (await import('pg')).default
    const client = new Client({
      host: url.searchParams.get('host')!,
      user: url.searchParams.get('user')!,
      database: url.pathname.slice(1),
    })
    await client.connect()
    try {
      for (const statement of [
        'update consent_versions set by = by',
        'delete from consent_versions',
        'truncate consent_versions',
        'delete from consents',
        'truncate consents',
      ])
        await assert.rejects(client.query(statement), /append-only|kept for 5 years/, statement)
    } finally {
      await client.end()
    }
  })

  it('come in chunks, and page by page, newest first', async () => {
    const many = Array.from({ length: CONSENT_CHUNK + 5 }, (_, i) =>
      aConsent({ number: `+1212777${String(i).padStart(4, '0')}` as never, shown: null, shownSha256: null }),
    )
    const before = heard().length
    assert.equal((await keep(...many)).size, many.length)
    assert.deepEqual(
      heard()
        .slice(before)
        .map(({ kept }) => kept.length),
      [CONSENT_CHUNK, 5],
    )
    const all = await loaded()
    for (const { id } of many) assert.ok(all.has(id))
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const page: Awaited<ReturnType<typeof storage.stores.consents.list>> = await storage.stores.consents.list({
        limit: 400,
        cursor,
      })
      seen.push(...page.data.map(({ id }) => id))
      cursor = page.nextCursor
    } while (cursor !== null)
    assert.equal(new Set(seen).size, seen.length)
    assert.ok(many.every(({ id }) => seen.includes(id)))
  })

  it('are heard of by a gateway that had not been listening', async () => {
    const other = await openTestStorage({ databaseUrl })
    await other.book.load(() => {})
    const consent = aConsent({ number: '+13055550131' as never })
    await keep(consent)
    await storage.stores.consents.change([revoked(consent)])
    await other.book.catchUp()
    const last = other.changes.filter((change): change is ConsentChange => change.kind === 'consent').at(-1)
    assert.deepEqual(last?.kept, [keptConsent(revoked(consent))])
    await other.close()
  })

  it('are forgotten five years after they ended, those alone, and gateways hear of it', async () => {
    const long = (years: number) => new Date(Date.now() - years * 365.25 * 86_400_000)
    const old = aConsent({ number: '+13055550141' as never, givenAt: long(7), expiresAt: long(6) })
    const young = aConsent({ number: '+13055550142' as never, givenAt: long(5), expiresAt: long(4) })
    const endless = aConsent({ number: '+13055550143' as never, givenAt: long(9) })
    await keep(old, young, endless)
    const { consents } = storage.stores
    assert.equal(await consents.forgetEnded(long(5.01)), 1)
    assert.equal(await consents.forgetEnded(long(5.01)), 0)
    assert.equal(await consents.find(old.id), null)
    assert.deepEqual(await consents.history(old.id), [])
    assert.deepEqual(heard().at(-1), { kind: 'consent', kept: [], gone: [{ id: old.id, number: old.number }] })
    assert.ok((await consents.find(young.id)) && (await consents.find(endless.id)))
    await assert.rejects(consents.forgetEnded(long(3)), /kept for 5 years/, 'whatever the setting says')
  })

  it('say in no table who consented, and to whoever may read them everything, after a rotation of keys too', async () => {
    const master = (id: string, byte: number) => ({ id, key: Buffer.alloc(32, byte) })
    const url = await createDatabase()
    const name = 'Ann Example-Person'
    const consent = aConsent({ name, ip: '203.0.113.77' })
    const sealed = await openTestStorage({ databaseUrl: url, vault: new Vault([master('old', 1)]) })
    const { consents } = sealed.stores
    await consents.add([{ consent, fingerprint: fingerprintOf(consent) }])
    await consents.change([revoked(consent)])
    const [row] = await sealed.queries.rows('select jsonb_agg(record)::text as text from consent_versions')
    assert.doesNotMatch(row!['text'], /Ann|203\.0\.113\.77/)
    const versions = await consents.history(consent.id)
    assert.deepEqual(versions, [consent, revoked(consent)])
    assert.deepEqual(sealFaults(versions), [])
    const resealers = { vault: new Vault([master('new', 2), master('old', 1)]), bank: null, bidderSecret: () => null }
    await resealAll(sealed.queries, resealers)
    await sealed.close()

    const later = await openTestStorage({ databaseUrl: url, vault: new Vault([master('new', 2)]) })
    const { privacy } = later.stores
    const exported = async (): Promise<string> => {
      let text = ''
      for await (const each of privacy.export(consent.number)) text += JSON.stringify(each)
      return text
    }
    try {
      assert.deepEqual(await later.stores.consents.history(consent.id), versions)
      assert.match(await exported(), /Ann Example-Person/)
      await privacy.erase(consent.number, { askedBy: 'test', reason: 'asked' }, () => Promise.resolve())
      assert.match(await exported(), /"place":"kept".*Ann Example-Person/, 'the law wants the proof kept')
    } finally {
      await later.close()
    }
  }).timeout(60_000)
})
