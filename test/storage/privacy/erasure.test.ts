import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { lineHash } from '../../../compliance/audit/chain.ts'
import { AuditSealer } from '../../../compliance/audit/sealer.ts'
import { HeadsFile } from '../../../compliance/audit/heads-file.ts'
import { auditKeys, auditSigner } from '../../../compliance/audit/audit-key.ts'
import { verifyAudit } from '../../../compliance/audit/verify-audit.ts'
import { Consents } from '../../../compliance/consent/consents.ts'
import { fingerprintOf } from '../../../compliance/consent/seal.ts'
import { Vault } from '../../../config/vault.ts'
import type { BookChange } from '../../../model/book.ts'
import { spellingsOf } from '../../../model/number-spellings.ts'
import type { PhoneNumber } from '../../../model/phone-number.ts'
import { unpackDecision } from '../../../storage/decision-rows.ts'
import { unpackEvents } from '../../../storage/outbox-body.ts'
import type { Postgres } from '../../../storage/postgres.ts'
import { PLACES } from '../../../storage/privacy/places.ts'
import { aConsent } from '../../support/consents.ts'
import { callRecord } from '../../support/records.ts'
import { openTestStorage, temporaryFolder, type TestStorage } from '../../support/storage.ts'
import { accountOf, leave, NUMBER, OTHER, traceOf, writeCall } from './traces.ts'

const VAULT = new Vault([{ id: 'test', key: Buffer.alloc(32, 5) }])
const ASKED = { askedBy: 'test', reason: 'asked by letter, about +1 212 555 0123' }
const noRecordings = (): Promise<void> => Promise.resolve()

/** More of them: `npm run test:long`. */
const ERASURES = Number(process.env['DCE_TEST_ERASURES'] ?? 8)

describe('an erasure', () => {
  let storage: TestStorage
  beforeEach(async () => (storage = await openTestStorage({ vault: VAULT })))
  afterEach(() => storage.close())

  it('leaves nothing of the number in any table or file, but what the law keeps, sealed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(traceOf(), { minLength: 1, maxLength: 12 }), async (traces) => {
        for (const trace of traces) await leave(storage, trace)
        const before = await whereItStands(storage)
        const erasure = await storage.stores.privacy.erase(NUMBER, ASKED, noRecordings)
        assert.deepEqual(await whereItStands(storage), [], `was in ${before.join(', ')}`)
        assert.equal(erasure.state, 'done')
        assert.ok(!erasure.reason.includes('0123'))
      }),
      { numRuns: ERASURES },
    )
  }).timeout(120_000 + ERASURES * 5_000)

  it('changes nothing of others', async () => {
    const mine = await writeCall(storage, { ani: NUMBER })
    const theirs = await writeCall(storage, { ani: OTHER })
    const before = await rowOf(storage, theirs.id)
    await storage.stores.privacy.erase(NUMBER, ASKED, noRecordings)
    assert.deepEqual(await rowOf(storage, theirs.id), before)
    const erased = (await storage.stores.calls.find(mine.id))!
    assert.match(erased.ani!, /^erased-[0-9a-f]{20}$/)
    assert.equal(erased.dnis, mine.dnis)
  })

  it('gives one person one pseudonym, over all their calls and for ever', async () => {
    const [one, two] = [await writeCall(storage, { ani: NUMBER }), await writeCall(storage, { ani: NUMBER })]
    const first = await storage.stores.privacy.erase(NUMBER, ASKED, noRecordings)
    const later = await writeCall(storage, { ani: NUMBER })
    const second = await storage.stores.privacy.erase(NUMBER, ASKED, noRecordings)
    assert.equal(first.pseudonym, second.pseudonym)
    for (const { id } of [one, two, later])
      assert.equal((await storage.stores.calls.find(id))!.ani, first.pseudonym as PhoneNumber)
  })

  it('keeps what the law wants, sealed, and the export lists it', async () => {
    const call = await writeCall(storage, { ani: NUMBER, durationMs: 61_000, outcome: 'answered' })
    await storage.queries.rows(
      `insert into dnc_entries (list, number, reason, added_at) values ('internal', $1, 'asked not to be called', now())`,
      [NUMBER],
    )
    await storage.stores.privacy.erase(NUMBER, ASKED, noRecordings)
    const exported: { place: string; record: Record<string, unknown> }[] = []
    for await (const each of storage.stores.privacy.export(NUMBER)) exported.push(each as never)
    assert.deepEqual(
      exported
        .map(({ place, record }) => `${place}: ${String(record['kind'])}, ${String(record['source'])}`)
        .toSorted(),
      [
        'kept: call, 16 CFR 310.5(a)(2)',
        'kept: do_not_call, 47 CFR 64.1200(d)(6)',
        'kept: do_not_call_history, 47 CFR 64.1200(d)(6)',
      ],
    )
    const kept = exported.find(({ record }) => record['kind'] === 'call')!.record
    assert.equal(kept['call_id'], call.id)
    assert.equal(kept['calling_number'], NUMBER)
    assert.equal(kept['called_number'], call.dnis)
    assert.equal(kept['duration_ms'], 61_000)
    assert.equal(kept['disposition'], 'answered')
    assert.equal(
      kept['keep_until'] instanceof Date && kept['keep_until'].getTime(),
      call.receivedAt.getTime() + 1827 * 86_400_000,
    )
  })

  it('keeps nothing of a call that is older than the law asks', async () => {
    await writeCall(storage, { ani: NUMBER, receivedAt: new Date(Date.now() - 1828 * 86_400_000) })
    await storage.stores.privacy.erase(NUMBER, ASKED, noRecordings)
    for await (const each of storage.stores.privacy.export(NUMBER)) assert.fail(each.place)
  })

  it('still keeps a number from being called that asked so', async () => {
    await storage.queries.rows(
      `insert into dnc_entries (list, number, reason, added_at) values ('internal', $1, 'asked', now())`,
      [NUMBER],
    )
    await storage.stores.privacy.erase(NUMBER, ASKED, noRecordings)
    const listed: string[] = []
    await storage.book.load((change) => {
      if (change.kind === 'dnc' && change.list === 'internal') listed.push(...change.add)
    })
    assert.deepEqual(listed, [NUMBER])
  })

  it('has every gateway hear that a consent was taken back, also one that is slow to read', async () => {
    const consent = aConsent({ number: NUMBER })
    const { databaseUrl } = storage.options
    const other = await openTestStorage({ databaseUrl, vault: VAULT })
    const brought = { kind: 'trustedform', token: 'f'.repeat(40), givenAtMs: consent.givenAt.getTime() } as const
    const good = (changes: readonly BookChange[]): number => {
      const consents = new Consents()
      for (const change of changes) if (change.kind === 'consent') consents.apply(change)
      return consents.goodFor({ ani: NUMBER, atMs: Date.now(), brought }).length
    }
    try {
      await other.book.load(() => {})
      await storage.stores.consents.add([{ consent, fingerprint: fingerprintOf(consent) }])
      await other.book.catchUp()
      assert.equal(good(other.changes), 2, 'that on record, and the one brought')
      const postgres = other.queries as Postgres
      const read = postgres.rows.bind(postgres)
      postgres.rows = async (text, values) => {
        if (text.includes('from book_changes')) await sleep(200)
        return read(text, values)
      }
      await storage.stores.privacy.erase(NUMBER, ASKED, noRecordings)
      await other.book.catchUp()
      assert.equal(good(other.changes), 0)
      const afterStart: BookChange[] = []
      await storage.book.load((change) => void afterStart.push(change))
      assert.equal(good(afterStart), 0)
      assert.deepEqual(await whereItStands(storage), [])
    } finally {
      await other.close()
    }
  })

  it('leaves the chain of the audit as it was sealed', async () => {
    const folder = temporaryFolder()
    const heads = new HeadsFile(join(folder, 'heads.jsonl'))
    const sealer = new AuditSealer({
      store: storage.audit,
      signer: auditSigner(folder),
      heads,
      clock: { now: () => Date.now() },
      onForeignHead: () => assert.fail(),
    })
    for (const ani of [NUMBER, OTHER, NUMBER]) await writeCall(storage, { ani })
    await sealer.seal()
    const unsealed = await writeCall(storage, { ani: NUMBER })
    const before = await storage.audit.linesBetween(0n, 100n)
    await storage.stores.privacy.erase(NUMBER, ASKED, noRecordings)
    await sealer.seal()
    const after = await storage.audit.linesBetween(0n, 100n)
    assert.deepEqual(
      after.map((line) => line.commitment !== null),
      [true, false, true, true],
    )
    assert.deepEqual(after.map(lineHash), before.map(lineHash))
    assert.equal(after.at(-1)!.callId, unsealed.id)
    const { faults, lines } = await verifyAudit(storage.stores.audit, auditKeys(folder), (await heads.read())!)
    assert.deepEqual([faults, lines], [[], 4])
  })

  it('is refused by the audit for any line that is not erased to its own commitment', async () => {
    await writeCall(storage, { ani: NUMBER })
    const change = (sets: string) =>
      storage.queries.rows(
        `with mode as (select set_config('dce.privacy', 'erase', true)) update compliance_audit set ${sets} from mode`,
      )
    await assert.rejects(change(`number = '+12125550199'`), /append-only/)
    const none = 'number = null, inputs = null, checks = null, salt = null'
    await assert.rejects(change(`${none}, commitment = sha256('x')`), /append-only/)
    await assert.rejects(
      storage.queries.rows(
        `update compliance_audit set ${none}, commitment = audit_commitment(salt, number, inputs, checks)`,
      ),
      /append-only/,
    )
  })

  it('is refused while the number is part of the set-up, or of a call in progress, and changes nothing then', async () => {
    const account = await accountOf(storage)
    await storage.stores.targets.create({
      accountId: account.id,
      name: 'call centre',
      uri: `sip:${NUMBER}@sip.example.com`,
      ringTimeout: 20,
      maxConcurrentCalls: null,
      directMedia: false,
    })
    const call = await writeCall(storage, { ani: NUMBER })
    await storage.writer.write({ kind: 'asked', call: callRecord({ ani: NUMBER }), callerDialog: null } as never)
    await assert.rejects(storage.stores.privacy.erase(NUMBER, ASKED, noRecordings), {
      name: 'NumberInUse',
      places: ['open_calls', 'targets'],
    })
    assert.equal((await storage.stores.calls.find(call.id))!.ani, NUMBER)
    assert.deepEqual((await storage.stores.privacy.erasures({ limit: 10, cursor: null })).data, [])
  })

  it('that was cut off is finished by the next run', async () => {
    const call = await writeCall(storage, { ani: NUMBER })
    const failing = (): Promise<void> => Promise.reject(new Error(`no such disk, for ${NUMBER}`))
    await assert.rejects(storage.stores.privacy.erase(NUMBER, ASKED, failing), /no such disk/)
    const list = async () => (await storage.stores.privacy.erasures({ limit: 10, cursor: null })).data
    const [cutOff] = await list()
    assert.equal(cutOff!.state, 'running')
    assert.match(cutOff!.fault!, /no such disk, for erased-/)
    const recordings: string[] = []
    await storage.privacy.resume(async (ids) => void recordings.push(...ids))
    assert.deepEqual(recordings, [call.id])
    assert.equal((await list())[0]!.state, 'done')
    assert.deepEqual(await whereItStands(storage), [])
  })

  it('needs keys, and says so', async () => {
    const without = await openTestStorage()
    await assert.rejects(without.stores.privacy.erase(NUMBER, ASKED, noRecordings), { name: 'PrivacyUnable' })
    await without.close()
  })

  it('is not undone by a start without the keys: who asked not to be called is in none of the tables', async () => {
    const { databaseUrl } = storage.options
    const without = await openTestStorage({ databaseUrl })
    await without.book.load(() => {})
    await without.close()
    await storage.queries.rows(
      `insert into dnc_entries (list, number, reason, added_at) values ('internal', $1, 'asked', now())`,
      [NUMBER],
    )
    await storage.stores.privacy.erase(NUMBER, ASKED, noRecordings)
    const later = await openTestStorage({ databaseUrl })
    await assert.rejects(
      later.book.load(() => {}),
      /sealed here: set security\.encryption_keys/,
    )
    await later.close()
  })

  it('exports every row that says the number, without what is of others', async () => {
    await writeCall(storage, { ani: NUMBER })
    await writeCall(storage, { ani: OTHER })
    const places: string[] = []
    let text = ''
    for await (const { place, record } of storage.stores.privacy.export(NUMBER)) {
      places.push(place)
      text += JSON.stringify(record)
    }
    assert.deepEqual(places.toSorted(), ['calls', 'compliance_audit', 'outbox'])
    assert.ok(text.includes(NUMBER))
    assert.ok(!text.includes(OTHER))
  })
})

async function rowOf(storage: TestStorage, id: string): Promise<unknown> {
  const [call] = await storage.queries.rows('select to_jsonb(c) as row from calls c where id = $1', [id])
  const [line] = await storage.queries.rows('select to_jsonb(a) as row from compliance_audit a where call_id = $1', [
    id,
  ])
  return [call!['row'], line!['row']]
}

const SAYS = new RegExp(`${spellingsOf(NUMBER)}|2125550123|212.{1,3}555.{1,3}0123`)

/** Every table as text, unpacked what is packed, and every file of the data folder: what a person with a copy of all of it could find. */
async function whereItStands(storage: TestStorage): Promise<string[]> {
  const found: string[] = []
  const tables = await storage.queries.rows(
    `select table_name as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'`,
  )
  for (const { name } of tables) {
    for (const row of await storage.queries.rows(`select to_jsonb(t) as row, t.* from ${name} t`)) {
      const texts = [JSON.stringify(row['row'])]
      for (const [column, kind] of Object.entries(PLACES[name]?.packed ?? {}))
        if (row[column] !== null)
          texts.push(...(kind === 'events' ? unpackEvents(row[column]) : [unpackDecision(row[column])]))
      if (texts.some((text) => SAYS.test(text))) found.push(name)
    }
  }
  for (const file of readdirSync(storage.options.dataDir, { recursive: true, withFileTypes: true }))
    if (file.isFile() && SAYS.test(readFileSync(join(file.parentPath, file.name), 'latin1'))) found.push(file.name)
  return found
}
