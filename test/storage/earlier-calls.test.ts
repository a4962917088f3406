import assert from 'node:assert/strict'
import type { OpenCall } from '../../gateway/needs.ts'
import { migrateDown, migrateUp, readMigrations } from '../../storage/migrate.ts'
import { Spool } from '../../storage/spool.ts'
import { callRecord, DIALOG, endedRecord, insertAccounts, soldRecord } from '../support/records.ts'
import { createDatabase, openTestStorage, temporaryFolder } from '../support/storage.ts'

/** The first version that writes a call once, at its end. */
const WRITTEN_ONCE = 17

/** How many migrations bring a database back to the version before. */
async function stepsBack(): Promise<number> {
  return (await readMigrations()).filter(({ id }) => id >= WRITTEN_ONCE).length
}

describe('calls in progress of an earlier version', () => {
  it('are open after the way down and the way up again, with their sales, dialogs and marks, or none of them', async () => {
    const databaseUrl = await createDatabase()
    const storage = await openTestStorage({ databaseUrl })
    await insertAccounts(storage.queries)
    const answered = callRecord({ state: 'answered', answeredAt: new Date() })
    const [ringing, asked, ended] = [callRecord(), callRecord({ state: 'answered' }), callRecord()]
    await storage.writer.write(soldRecord(answered, { callerDialog: DIALOG, buyerDialog: DIALOG }))
    await storage.writer.write({ kind: 'alive', callIds: [answered.id], at: new Date() })
    await storage.writer.write(soldRecord(ringing))
    await storage.writer.write({ kind: 'asked', call: asked, callerDialog: DIALOG })
    await storage.writer.write(endedRecord(ended))
    const open: OpenCall[] = await storage.recovery.openCalls()
    assert.equal(open.length, 3)
    await storage.close()

    const connection = { connectionString: databaseUrl }
    await migrateDown(connection, await stepsBack())
    await migrateUp(connection)
    const again = await openTestStorage({ databaseUrl })
    assert.deepEqual(await again.recovery.openCalls(), open)
    assert.equal((await again.stores.calls.find(ended.id))?.state, 'ended')
    await again.writer.write(endedRecord(answered))
    assert.deepEqual(
      (await again.recovery.openCalls()).map(({ call }) => call.id).toSorted(),
      [ringing.id, asked.id].toSorted(),
    )
    assert.equal((await again.stores.calls.find(answered.id))?.state, 'ended')
    await again.close()
  })

  it('are read from its spool: call, hold and dialogs of a sale apart', async () => {
    const source = await openTestStorage()
    const call = callRecord({ state: 'answered', answeredAt: new Date() })
    await source.writer.write(soldRecord(call, { callerDialog: DIALOG, buyerDialog: DIALOG }))
    const open = await source.recovery.openCalls()
    const [row] = await source.queries.rows('select sale from open_calls')
    const { hold, terms, caller_dialog, buyer_dialog, ...sale } = row!['sale']
    await source.close()

    const dataDir = temporaryFolder()
    const spool = await Spool.open(dataDir, 1024 * 1024)
    const open_calls = [{ call_id: call.id, terms, caller_dialog, buyer_dialog, alive_at: sale.call.answered_at }]
    const calls = [{ ...sale.call, awarded_at: hold.held_at }]
    await spool.append([JSON.stringify({ calls, holds: [hold], open_calls })])
    await spool.close()
    const storage = await openTestStorage({ dataDir })
    assert.deepEqual(await storage.recovery.openCalls(), open)
    await storage.close()
  })
})
