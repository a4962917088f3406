import assert from 'node:assert/strict'
import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { auditKeys, auditSigner } from '../../compliance/audit/audit-key.ts'
import { lineHash } from '../../compliance/audit/chain.ts'
import { HeadsFile } from '../../compliance/audit/heads-file.ts'
import { inclusionProof, isIncluded } from '../../compliance/audit/merkle.ts'
import { AuditSealer } from '../../compliance/audit/sealer.ts'
import { verifyAudit } from '../../compliance/audit/verify-audit.ts'
import { PostgresAudit } from '../../storage/audit-store.ts'
import type { Queries } from '../../storage/postgres.ts'
import { Dice } from '../simulation/dice.ts'
import { callRecord, endedRecord, insertAccounts } from '../support/records.ts'
import { createDatabase, openTestStorage, temporaryFolder, type TestStorage } from '../support/storage.ts'

describe('the audit in storage', () => {
  let storage: TestStorage
  let databaseUrl: string
  let folder: string
  let heads: HeadsFile
  let sealer: AuditSealer
  before(async () => {
    databaseUrl = await createDatabase()
    storage = await openTestStorage({ databaseUrl })
    await insertAccounts(storage.queries)
    folder = temporaryFolder()
    heads = new HeadsFile(join(folder, 'audit', 'heads.jsonl'))
    sealer = aSealer()
  })
  after(() => storage.close())

  const aSealer = (dir = folder, file = heads) =>
    new AuditSealer({
      store: storage.audit,
      signer: auditSigner(dir),
      heads: file,
      clock: Date,
      onForeignHead: ({ no }) => void foreign.push(no),
    })
  const foreign: number[] = []
  const verify = async (file = heads) => verifyAudit(storage.stores.audit, auditKeys(folder), (await file.read()) ?? [])
  const write = (count: number) =>
    Promise.all(Array.from({ length: count }, () => storage.writer.write(endedRecord(callRecord()))))

  it('is sealed as it grows, by one of several at a time, and its heads stand in a file', async () => {
    assert.deepEqual(await sealer.seal(), [])
    await write(30)
    const other = aSealer()
    const made = (await Promise.all([sealer.seal(), other.seal(), sealer.seal()])).flat()
    assert.equal(
      made.reduce((sum, { lines }) => sum + lines, 0),
      30,
    )
    await write(5)
    const [next] = await sealer.seal()
    assert.deepEqual([next!.lines, next!.no], [5, made.length + 1])
    assert.deepEqual(await verify(), { faults: [], blocks: made.length + 1, lines: 35 })
    const known = new Set((await heads.read())!.map(({ no }) => no))
    assert.equal(known.size, made.length + 1)
  })

  it('is sealed while calls are being written, and no line comes to stand before a sealed one', async () => {
    const writing = Array.from({ length: 20 }, () => write(10))
    for (const each of writing) await Promise.race([each, sealer.seal()])
    await Promise.all(writing)
    await sealer.seal()
    const { faults, lines } = await verify()
    assert.deepEqual(faults, [])
    assert.equal(lines, 235)
  })

  it('finds its file again after a start, and what a crash has left out of it', async () => {
    // Several gateways that share a file may write a head twice.
    const numbers = async () => [...new Set((await heads.read())!.map(({ no }) => no))]
    const all = await numbers()
    const lines = readFileSync(heads.path, 'utf8').split('\n')
    writeFileSync(heads.path, lines.filter((line) => !line.startsWith(`{"no":${all.at(-1)},`)).join('\n'))
    assert.deepEqual(await numbers(), all.slice(0, -1))
    await aSealer().seal()
    assert.deepEqual(await numbers(), all)
    assert.deepEqual((await verify()).faults, [])
  })

  it('proves a line of a call, to whoever knows the head', async () => {
    const record = endedRecord(callRecord())
    await storage.writer.write(record)
    const [open] = await storage.stores.audit.ofCall(record.call.id)
    assert.equal(open!.block, null)
    await write(6)
    await sealer.seal()
    const [entry] = await storage.stores.audit.ofCall(record.call.id)
    const hashes = entry!.beside.map(lineHash)
    const index = entry!.beside.findIndex(({ callId }) => callId === record.call.id)
    assert.equal(hashes.length, entry!.block!.lines)
    const proof = inclusionProof(hashes, index)
    assert.equal(isIncluded(lineHash(entry!.line), index, hashes.length, proof, entry!.block!.root), true)
    assert.deepEqual(JSON.parse(entry!.line.inputs!).leg, 'inbound')
    assert.deepEqual(await storage.stores.audit.ofCall(callRecord().id), [])
  })

  it('refuses changes, and shows those that somebody makes all the same', async function () {
    this.timeout(60_000)
    const client = new pg.Client(databaseUrl)
    await client.connect()
    for (const statement of [
      'delete from compliance_audit',
      'update audit_blocks set lines = 1',
      'truncate audit_blocks',
    ])
      await assert.rejects(client.query(statement), /append-only/, statement)
    const dice = new Dice()
    const [row] = (
      await client.query(
        'select max(seq)::int as seq, (select max(no)::int from audit_blocks) as no from compliance_audit',
      )
    ).rows
    const line = () => 1 + dice.roll(row.seq)
    const deeds = [
      () => `update compliance_audit set number = '+19995550100' where seq = ${line()}`,
      () => `update compliance_audit set checks = '[]' where seq = ${line()}`,
      () => `update compliance_audit set inputs = inputs || '{"leg": "outbound"}' where seq = ${line()}`,
      () => `update compliance_audit set at = at + interval '1 microsecond' where seq = ${line()}`,
      () => `update compliance_audit set salt = gen_random_uuid() where seq = ${line()}`,
      () => `delete from compliance_audit where seq = ${line()}`,
      () =>
        `insert into compliance_audit (call_id, at, checks, seq) values (gen_random_uuid(), now(), '[]', ${line()})`,
      () => `update compliance_audit set seq = case seq when 1 then 2 else 1 end where seq in (1, 2)`,
      () => `update audit_blocks set root = sha256('x') where no = ${1 + dice.roll(row.no)}`,
      () => `delete from audit_blocks where no = ${1 + dice.roll(row.no)}`,
      () => `delete from audit_blocks where no >= ${1 + dice.roll(row.no)}`,
      () => 'delete from audit_blocks; delete from compliance_audit',
    ]
    const queries: Queries = {
      rows: async (text, values = []) => (await client.query(text, values as unknown[])).rows,
    }
    const seen = new PostgresAudit({ ...queries, transaction: (work) => work(queries) })
    for (let i = 0; i < 120; i++) {
      const deed = deeds[i % deeds.length]!()
      // As the database's owner may, with the triggers off; afterwards it is undone.
      await client.query('begin; set local session_replication_role = replica')
      await client.query(deed)
      const { faults } = await verifyAudit(seen, auditKeys(folder), (await heads.read())!)
      await client.query('rollback')
      assert.ok(faults.length > 0, `${deed} (seed ${dice.seed})`)
    }
    assert.deepEqual((await verify()).faults, [])
    await client.end()
  })

  it('knows of a tail that is gone, of a line in the file that nobody wrote, and of a key it does not know', async () => {
    const copy = new HeadsFile(join(folder, 'copy.jsonl'))
    const all = (await heads.read())!
    const last = all.at(-1)!
    await copy.append([...all, { ...last, no: last.no + 1 }])
    assert.match((await verify(copy)).faults.join(), /gone from the database/)
    appendFileSync(copy.path, 'scribble\n')
    assert.equal((await verify(copy)).faults.filter((fault) => fault.startsWith('block 0:')).length, 1)
    rmSync(copy.path)
    const { faults } = await verifyAudit(storage.stores.audit, [], [])
    assert.ok(faults.length > 1 && faults.every((fault) => /which is not known|no head of any block/.test(fault)))
  })

  it('seals nothing before which a line is still on its way, whoever began to write first', async () => {
    const [older, newer] = [new pg.Client(databaseUrl), new pg.Client(databaseUrl)]
    await Promise.all([older.connect(), newer.connect()])
    const line = "insert into compliance_audit (call_id, at, checks) values (gen_random_uuid(), now(), '[]')"
    // The one with the newer transaction id draws the lower number, and commits last.
    for (const client of [older, newer]) await client.query('begin; select pg_current_xact_id()')
    await newer.query(line)
    await older.query(line)
    await older.query('commit')
    const sealing = sealer.seal()
    await new Promise((resolve) => setTimeout(resolve, 100))
    await newer.query('commit')
    await sealing
    await sealer.seal()
    await Promise.all([older.end(), newer.end()])
    assert.deepEqual((await verify()).faults, [])
  })

  it('is sealed in blocks of a thousand, over numbers that nobody has', async () => {
    const lines = (count: number) =>
      storage.queries.rows(
        `insert into compliance_audit (call_id, at, checks) select gen_random_uuid(), now(), '[]' from generate_series(1, ${count})`,
      )
    await sealer.seal()
    await lines(130)
    await storage.queries.rows("select setval('compliance_audit_seq', nextval('compliance_audit_seq') + 5000)")
    await lines(900)
    const made = await sealer.seal(1)
    assert.deepEqual(
      made.map((block) => block.lines),
      [1000, 30],
    )
    assert.deepEqual((await verify()).faults, [])
  })

  it('writes on after a torn line, and after its database was set back it says so and goes on from there', async () => {
    const file = new HeadsFile(join(folder, 'torn.jsonl'))
    const all = (await heads.read())!
    await file.append(all.slice(0, 2))
    writeFileSync(file.path, readFileSync(file.path, 'utf8').slice(0, -20))
    await file.append(all.slice(1))
    assert.deepEqual((await verify(file)).faults, [])
    const last = all.at(-1)!
    await file.append([{ ...last, no: last.no + 1, hash: 'f'.repeat(64) }])
    foreign.length = 0
    const after = aSealer(folder, file)
    await write(2)
    await after.seal()
    assert.deepEqual(foreign, [last.no + 1])
    assert.equal((await file.read())!.at(-1)!.no, last.no + 1)
    await sealer.seal()
  })

  it('has a partition for each month', async () => {
    await storage.audit.makeMonths()
    await storage.audit.makeMonths()
    const rows = await storage.queries.rows(
      'select tableoid::regclass::text as partition from compliance_audit limit 1',
    )
    assert.match(rows[0]!['partition'], /^compliance_audit_\d{4}_\d\d$/)
  })
})
