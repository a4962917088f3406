import assert from 'node:assert/strict'
import { PLACES } from '../../../storage/privacy/places.ts'
import { openTestStorage, type TestStorage } from '../../support/storage.ts'

/** Columns that could hold a telephone number: anything but ids, times, money, counts and yes or no. */
const COLUMNS = `select c.table_name as table, c.column_name as column, c.is_generated = 'ALWAYS' as derived
  from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
  where table_schema = 'public' and t.table_type = 'BASE TABLE'
    and c.udt_name not in ('uuid', '_uuid', 'timestamptz', 'timestamp', 'date', 'bool', 'int2', 'int4', '_int4', 'float4', 'float8', 'int8')
    and c.table_name not in (select relname from pg_class where relispartition)`

describe('the list of where numbers stand', () => {
  let storage: TestStorage
  before(async () => (storage = await openTestStorage()))
  after(() => storage.close())

  it('names every column of every table that could hold one, and no other', async () => {
    const stored = await storage.queries.rows(COLUMNS)
    const known = new Set(
      Object.entries(PLACES).flatMap(([table, { texts = [], plain = [], derived = [], packed = {} }]) =>
        [...texts, ...plain, ...derived, ...Object.keys(packed)].map((column) => `${table}.${column}`),
      ),
    )
    const there = stored.map((row) => `${row['table']}.${row['column']}`)
    const unlisted = there.filter((column) => !known.has(column))
    assert.deepEqual(unlisted, [], 'add them to storage/privacy/places.ts: could a telephone number stand in them?')
    assert.deepEqual(
      [...known].filter((column) => !there.includes(column)),
      [],
      'listed, and not in the database',
    )
    for (const row of stored)
      if (row['derived'] === true) assert.ok(PLACES[row['table']]!.derived?.includes(row['column']), row['column'])
  })
})
