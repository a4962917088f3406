import assert from 'node:assert/strict'
import pg from 'pg'
import { BinaryRows } from '../../storage/binary-rows.ts'
import type { ColumnType } from '../../storage/binary-rows.ts'
import type { Row } from '../../storage/postgres.ts'
import { createDatabase } from '../support/storage.ts'

const COLUMNS: readonly (readonly [string, ColumnType])[] = [
  ['u', 'uuid'],
  ['t', 'text'],
  ['at', 'timestamptz'],
  ['big', 'bigint'],
  ['n', 'integer'],
  ['d', 'double precision'],
  ['b', 'boolean'],
  ['j', 'json'],
  ['jb', 'jsonb'],
]
const TYPE = { name: 'kinds', columns: COLUMNS }

describe('rows in PostgreSQL’s binary format', () => {
  let client: pg.Client
  let ids: Map<string, number>
  before(async () => {
    client = new pg.Client({ connectionString: await createDatabase() })
    await client.connect()
    await client.query(`create type kinds as (${COLUMNS.map((column) => column.join(' ')).join(', ')})`)
    ids = new Map([['kinds', (await client.query("select 'kinds'::regtype::oid as id")).rows[0].id]])
  })
  after(() => client.end())

  const stored = async (rows: readonly Row[]): Promise<Row[]> => {
    const columns = `u::text, t, extract(epoch from at at time zone 'UTC')::text as at, big::text, n, d, b, j, jb`
    const { rows: read } = await client.query(`select ${columns} from unnest($1::kinds[])`, [
      BinaryRows.of(rows, TYPE, ids),
    ])
    return read
  }

  it('are read as they were: of every type, large and small, null and empty', async () => {
    const nothing = { u: null, t: null, at: null, big: null, n: null, d: null, b: null, j: null, jb: null }
    const u = '01a2036e-2def-7000-B565-f725895b4295'
    assert.deepEqual(
      await stored([
        { u, t: '', at: '2026-11-22T13:24:42.095Z', big: '6010000', n: -1, d: 126.5, b: true, j: [], jb: {} },
        {
          u,
          t: 'ünï €',
          at: '1969-12-31T23:59:59.999Z',
          big: '-9223372036854775808',
          n: 2 ** 31 - 1,
          d: -0.1,
          b: false,
        },
        { big: '9223372036854775807', t: 'x'.repeat(300_000), j: { 'a"b': [1, null, '…'] }, jb: 'text' },
        { big: '-4294967297' },
        {},
      ]),
      [
        { u: u.toLowerCase(), t: '', at: '1795353882.095000', big: '6010000', n: -1, d: 126.5, b: true, j: [], jb: {} },
        {
          ...nothing,
          u: u.toLowerCase(),
          t: 'ünï €',
          at: '-0.001000',
          big: '-9223372036854775808',
          n: 2 ** 31 - 1,
          d: -0.1,
          b: false,
        },
        { ...nothing, big: '9223372036854775807', t: 'x'.repeat(300_000), j: { 'a"b': [1, null, '…'] }, jb: 'text' },
        { ...nothing, big: '-4294967297' },
        nothing,
      ],
    )
    assert.deepEqual(await stored([]), [])
  })

  it('have U+FFFD for a NUL character and for half a surrogate pair', async () => {
    const text = 'a\0b\ud800c'
    const [row] = await stored([{ t: text, j: [text], jb: [text] }])
    const kept = 'a\ufffdb\ufffdc'
    assert.deepEqual([row!['t'], row!['j'], row!['jb']], [kept, [kept], [kept]])
  })

  const refused: [string, Row][] = [
    ['a UUID with a letter too many', { u: '01a2036e-2def-7000-b565-f725895b4295a' }],
    ['a UUID without its hyphens', { u: '01a2036e2def7000b565f725895b42950000' }],
    ['a UUID with a letter that is no digit', { u: '01a2036e-2def-7000-b565-f725895b429g' }],
    ['a UUID with a letter beyond the first 256', { u: '01a2036e-2def-7000-b565-f725895b429Ā' }],
    ['a time that is none', { at: 'yesterday' }],
    ['a number of 20 digits', { big: '99999999999999999999' }],
    ['a word for a number', { big: 'ten' }],
    ['a fraction for a whole number', { n: 1.5 }],
    ['a whole number beyond 32 bits', { n: 2 ** 31 }],
    ['a number without end', { d: Infinity }],
  ]
  for (const [what, row] of refused)
    it(`cannot be made of ${what}`, () => {
      assert.throws(() => BinaryRows.of([row], TYPE, ids))
    })

  it('are of types of any number: a database that has kept much for long gives some of its upper half', () => {
    const rows = BinaryRows.of([{}], TYPE, new Map([['kinds', 4_000_000_000]]))
    assert.equal(rows.readUInt32BE(8), 4_000_000_000)
  })

  it('stay as they were made while others are, also after one that was refused and one larger than any room that is kept', () => {
    const text = (t: string): Buffer => BinaryRows.of([{ t }], TYPE, ids)
    const first = text('first')
    const asMade = Buffer.from(first)
    const large = text('x'.repeat(5 * 1024 * 1024))
    assert.throws(() => BinaryRows.of([{ t: 'gone' }, { n: 1.5 }], TYPE, ids))
    const second = text('other')
    assert.deepEqual(first, asMade)
    assert.equal(large.length, first.length - 'first'.length + 5 * 1024 * 1024)
    assert.deepEqual(text('first'), asMade)
    assert.equal(second.length, first.length)
  })

  it('take no more memory than their bytes, however many are made', () => {
    const before = process.memoryUsage().arrayBuffers
    const kept = Array.from({ length: 400 }, (_, i) => BinaryRows.of([{ n: i }], TYPE, ids))
    assert.ok(process.memoryUsage().arrayBuffers - before < 100 * kept.length + 1024 * 1024)
  })

  it('cannot be made for a database without their type', () => {
    assert.throws(() => BinaryRows.of([], TYPE, new Map()), /the database has no type kinds/)
  })
})
