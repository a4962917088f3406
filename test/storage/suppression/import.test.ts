import assert from 'node:assert/strict'
import { gzipSync } from 'node:zlib'
import { ImportRefused, StoreConflict } from '../../../api/needs.ts'
import { openTestStorage, type TestStorage } from '../../support/storage.ts'
import { asLoaded, file, newList, REPLACE } from './support.ts'
import { zip } from './zip.ts'

describe('an import into a list of numbers', () => {
  let storage: TestStorage
  before(async () => void (storage = await openTestStorage()))
  after(() => storage.close())

  const FULL = '202,5551234\n202,5551235\r\n305,5550100\n\n212,5550199'

  it('takes a full list as the registry has it, whatever it replaces', async () => {
    const { id } = await newList(storage, 'full')
    const versionDate = new Date('2026-11-01T00:00:00Z')
    const first = await storage.stores.suppression.import(id, file(FULL, 7), { ...REPLACE, versionDate })
    assert.deepEqual(first, { added: 4, removed: 0, numbers: 4, lines: 5, invalid: 0, invalidShown: [] })
    const { has, loaded } = await asLoaded(storage, id)
    assert.ok(has('+12025551234') && has('+12025551235') && has('+13055550100') && has('+12125550199'))
    assert.ok(!has('+12025551236') && !has('+16175551234'))
    assert.deepEqual(
      [loaded.list.versionDate, loaded.list.numbers, loaded.list.revision, loaded.isWhole],
      [versionDate, 4, 1, true],
    )
    const second = await storage.stores.suppression.import(id, file('202,5551234\n617,5550000\n'), REPLACE)
    assert.deepEqual([second.added, second.removed, second.numbers], [1, 3, 2])
    const after = await asLoaded(storage, id)
    assert.ok(after.has('+12025551234') && after.has('+16175550000') && !after.has('+13055550100'))
    assert.deepEqual(after.loaded.list.versionDate, versionDate)
    const [latest, oldest] = await storage.stores.suppression.imports(id, 10)
    assert.deepEqual(
      [latest!.revision, latest!.removed, oldest!.versionDate, oldest!.doneBy],
      [2, 3, versionDate, 'a test'],
    )
  })

  it('replaces only the area codes a file has, when it is one of some', async () => {
    const { id } = await newList(storage, 'areas')
    await storage.stores.suppression.import(id, file(FULL), REPLACE)
    await storage.stores.suppression.import(id, file('202,5559999\n'), { ...REPLACE, mode: 'replace_areas' })
    const { has, held } = await asLoaded(storage, id)
    assert.ok(has('+12025559999') && !has('+12025551234') && has('+13055550100'))
    assert.equal(held.list.numbers, 3)
  })

  it('does what a list of changes says, the last word on a number standing', async () => {
    const { id } = await newList(storage, 'changes')
    await storage.stores.suppression.import(id, file(FULL), REPLACE)
    const changes =
      '202,5551234,D,2026-11-02\n617,5550000,2026-11-02,A\n617,5550001,A\n617,5550001,D\n305,5550100,D\n305,5550100,A\nA,+14155550123\n202,5551235,X\n'
    const told = await storage.stores.suppression.import(id, file(changes, 3), { ...REPLACE, mode: 'change' })
    assert.deepEqual([told.added, told.removed, told.numbers], [2, 1, 5])
    assert.deepEqual(told.invalidShown, [{ line: 8, value: '202,5551235,X' }])
    const { has } = await asLoaded(storage, id)
    assert.ok(!has('+12025551234') && has('+16175550000') && !has('+16175550001') && has('+13055550100'))
    assert.ok(has('+14155550123') && has('+12025551235'))
  })

  it('adds and removes in any notation, numbers of other countries too', async () => {
    const { id } = await newList(storage, 'notations', { kind: 'litigator' })
    const text =
      '\uFEFFphone;name\n"(202) 555-1234";Doe\n+442071234567\n1-305-555-0100,x\nnonsense\n202,555\n0125551234\n'
    const told = await storage.stores.suppression.import(id, file(text, 11), { ...REPLACE, mode: 'add' })
    assert.deepEqual([told.added, told.invalid, told.numbers], [3, 3, 3])
    const gone = await storage.stores.suppression.import(id, file('+442071234567\n2025551234'), {
      ...REPLACE,
      mode: 'remove',
    })
    assert.deepEqual([gone.removed, gone.numbers], [2, 1])
    const { has } = await asLoaded(storage, id)
    assert.ok(!has('+442071234567') && has('+13055550100'))
  })

  it('reads tags, with the area code around the numbers or within them', async () => {
    const { id } = await newList(storage, 'tags')
    const xml = `<?xml version="1.0"?><!-- 2025550000 --><list type="full" date="2026-11-01"><ac val="202"><ph val="5551234"/><ph val="5551235"/></ac>
      <ac val='305'><ph val='5550100'></ph></ac><number>2125550199</number><r><area>617</area><phone>5550000</phone></r></list>`
    const told = await storage.stores.suppression.import(id, file(xml, 5), REPLACE)
    assert.deepEqual([told.added, told.invalid], [5, 0])
    const { has } = await asLoaded(storage, id)
    assert.ok(has('+12025551234') && has('+13055550100') && has('+12125550199') && has('+16175550000'))
    const changes =
      '<l><ac val="202"><ph val="5551234" chg="D"/></ac><add><n>4155550123</n></add><ph ac="415" val="5550124" t="A"/></l>'
    const changed = await storage.stores.suppression.import(id, file(changes), { ...REPLACE, mode: 'change' })
    assert.deepEqual([changed.added, changed.removed, changed.numbers], [2, 1, 6])
  })

  it('unpacks gzip and zip, one file in it or several, and takes nothing of one that is cut off or damaged', async () => {
    const { id } = await newList(storage, 'packed')
    const lines = Array.from({ length: 30_000 }, (_, i) => `202,${2_000_000 + i * 7}`).join('\n')
    const gzip = await storage.stores.suppression.import(id, file(gzipSync(lines)), REPLACE)
    assert.equal(gzip.numbers, 30_000)
    for (const sizesFollow of [false, true]) {
      const archive = zip({ '202.txt': `${lines}\n`, '305.txt': '305,5550100\n305,5550101' }, { sizesFollow })
      for (const piece of [100, 50_000]) {
        const told = await storage.stores.suppression.import(id, file(archive, piece), REPLACE)
        assert.equal(told.numbers, 30_002)
      }
      for (const cut of [40, archive.length >> 1, archive.length - 150]) {
        const part = file(archive.subarray(0, cut))
        await assert.rejects(storage.stores.suppression.import(id, part, REPLACE), ImportRefused)
      }
      const damaged = Buffer.from(archive)
      damaged[archive.length >> 1]! ^= 0x55
      await assert.rejects(storage.stores.suppression.import(id, file(damaged), REPLACE), ImportRefused)
    }
    const half = gzipSync(lines).subarray(0, 20_000)
    await assert.rejects(storage.stores.suppression.import(id, file(half), REPLACE), ImportRefused)
    assert.equal((await asLoaded(storage, id)).held.list.numbers, 30_002)
  })

  it('refuses what is surely a mistake: no numbers, too many other lines, or less than half of what there was', async () => {
    const { id } = await newList(storage, 'mistakes')
    const lines = Array.from({ length: 1_000 }, (_, i) => `202,${2_000_000 + i}`)
    await storage.stores.suppression.import(id, file(lines.join('\n')), REPLACE)
    const refused = (text: string, words: RegExp) =>
      assert.rejects(storage.stores.suppression.import(id, file(text), REPLACE), (error: Error) => {
        assert.ok(error instanceof ImportRefused)
        assert.match(error.message, words)
        return true
      })
    await refused('', /empty/)
    await refused('name\nDoe\nRoe', /no line/)
    await refused([...lines, ...Array.from({ length: 20 }, () => 'x')].join('\n'), /20 of 1020 lines are no numbers/)
    await refused(lines.slice(0, 499).join('\n'), /499 numbers and the list 1000/)
    const junk = Array.from({ length: 20 }, (_, i) => `order ${i}`)
    for (const [mode, text] of [
      ['change', [...lines.map((line) => `${line},D`), ...junk].join('\n')],
      ['remove', [...lines.slice(0, 19), ...junk].join('\n')],
    ] as const) {
      const options = { ...REPLACE, mode }
      await assert.rejects(storage.stores.suppression.import(id, file(text), options), /20 of \d+ lines are no numbers/)
    }
    assert.equal((await asLoaded(storage, id)).held.list.numbers, 1_000)
    const meant = { ...REPLACE, mayShrink: true }
    const fewer = await storage.stores.suppression.import(id, file(lines.slice(0, 499).join('\n')), meant)
    assert.equal(fewer.numbers, 499)
  })

  it('refuses an area code’s own file that leaves less than half of it, however many numbers the list has', async () => {
    const { id } = await newList(storage, 'area-mistakes')
    const lines = (area: number, count: number) =>
      Array.from({ length: count }, (_, i) => `${area},${2_000_000 + i}`).join('\n')
    await storage.stores.suppression.import(id, file(`${lines(202, 100)}\n${lines(305, 1_000)}`), REPLACE)
    const areas = { ...REPLACE, mode: 'replace_areas' } as const
    await assert.rejects(
      storage.stores.suppression.import(id, file(lines(202, 49)), areas),
      /49 numbers and the list 100 in its area codes/,
    )
    const meant = await storage.stores.suppression.import(id, file(lines(202, 49)), { ...areas, mayShrink: true })
    assert.equal(meant.numbers, 1_049)
  })

  it('refuses a web page, though it has a number, and tags that never end', async () => {
    const { id } = await newList(storage, 'pages')
    const refused = (text: string, words: RegExp) =>
      assert.rejects(storage.stores.suppression.import(id, file(text), REPLACE), words)
    await refused('<!DOCTYPE html><HTML lang="en"><body><p>888-382-1222</p></body></HTML>', /web page/)
    await refused('<a>'.repeat(1_000), /within one another/)
    assert.equal((await asLoaded(storage, id)).held.list.revision, 0)
  })

  it('replaces numbers that are damaged where they are stored, and changes none of them', async () => {
    const { id } = await newList(storage, 'spoilt')
    await storage.stores.suppression.import(id, file(FULL), REPLACE)
    const spoil = () =>
      storage.queries.rows('update suppression_areas set checksum = checksum # 1 where list_id = $1 and area = 202', [
        id,
      ])
    await spoil()
    assert.match((await storage.stores.suppression.load(id, 0))!.damage!, /import it anew/)
    const added = storage.stores.suppression.import(id, file('202,5559999'), { ...REPLACE, mode: 'add' })
    await assert.rejects(added, /import it anew/)
    for (const mode of ['replace', 'replace_areas'] as const) {
      await spoil()
      const told = await storage.stores.suppression.import(id, file(FULL), { ...REPLACE, mode })
      assert.equal(told.numbers, 4)
      const { has, loaded } = await asLoaded(storage, id)
      assert.equal(loaded.damage, null)
      assert.ok(has('+12025551234') && has('+13055550100'))
    }
  })

  it('hands the buffers of a file over and copies none, but for parts of what may be used again', async () => {
    const { id } = await newList(storage, 'handed')
    const whole = new Uint8Array(Buffer.from('202,5551234\n202,5551235\n'))
    const both = Buffer.alloc(24, '305,5550100\n305,5550101\n')
    async function* pieces(): AsyncGenerator<Uint8Array> {
      yield whole
      yield both.subarray(0, 12)
      yield both.subarray(12)
    }
    const told = await storage.stores.suppression.import(id, pieces(), REPLACE)
    assert.equal(told.numbers, 4)
    assert.deepEqual([whole.length, both.length], [0, 24])
  })

  it('takes nothing of a file that breaks off, and keeps out a second import of the list meanwhile', async () => {
    const { id } = await newList(storage, 'cut')
    await storage.stores.suppression.import(id, file(FULL), REPLACE)
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield* file(FULL)
      throw new Error('the line is dead')
    }
    await assert.rejects(storage.stores.suppression.import(id, broken(), REPLACE), /the line is dead/)
    assert.equal((await asLoaded(storage, id)).held.list.revision, 1)
    // A writer that has the list's lock, as an import that is at its end has.
    await (storage.queries as unknown as { transaction: Transaction }).transaction(async (tx) => {
      await tx.rows('select pg_advisory_xact_lock(7203118, hashtext($1))', [id])
      await assert.rejects(storage.stores.suppression.import(id, file(FULL), REPLACE), StoreConflict)
    })
  })

  it('says how far it has come', async () => {
    const { id } = await newList(storage, 'progress')
    const lines = Array.from({ length: 20_000 }, (_, i) => `202,${2_000_000 + i}`).join('\n')
    const seen: number[] = []
    await storage.stores.suppression.import(id, file(lines), REPLACE, ({ bytes }) => void seen.push(bytes))
    assert.deepEqual(seen.at(-1), lines.length)
    assert.ok(seen.every((bytes, i) => i === 0 || bytes > seen[i - 1]!))
  })
})

type Transaction = <T>(
  work: (tx: { rows(text: string, values?: readonly unknown[]): Promise<unknown[]> }) => Promise<T>,
) => Promise<T>
