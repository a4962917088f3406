import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { openTestStorage, temporaryFolder } from '../../support/storage.ts'

const DCE = new URL('../../../gateway/dce.js', import.meta.url).pathname

describe('dce ledger verify', function () {
  this.timeout(60_000)

  it('has longer for a statement than the exchange: the whole ledger is long', async () => {
    const storage = await openTestStorage()
    try {
      // A table it looks at says how long its reader would wait.
      await storage.queries.rows('alter table disputes rename to real_disputes')
      await storage.queries.rows(
        `create function see() returns boolean language plpgsql as $$
         begin if current_setting('statement_timeout')::interval < interval '10 minutes' then raise exception 'in a hurry'; end if;
           return true; end $$`,
      )
      await storage.queries.rows('create view disputes as select * from real_disputes where (select see())')
      const { stdout } = await promisify(execFile)(process.execPath, [DCE, 'ledger', 'verify'], {
        env: { ...process.env, DCE_DATABASE_URL: storage.options.databaseUrl!, DCE_DATA_DIR: temporaryFolder() },
      })
      assert.match(stdout, /the ledger balances/)
    } finally {
      await storage.close()
    }
  })
})
