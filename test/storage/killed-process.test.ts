import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { openTestStorage, temporaryFolder } from '../support/storage.ts'

const WRITER = new URL('../support/writing-process.ts', import.meta.url)

describe('after kill -9 of the whole process', function () {
  this.timeout(120_000)
  for (const situation of ['database', 'spooling'] as const)
    it(`every acknowledged record is there and calls without an end are open (records went to: ${situation})`, async () => {
      const dataDir = temporaryFolder()
      const child = fork(WRITER, [dataDir, situation], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
      const sold: string[] = []
      const ended: string[] = []
      child.on('message', (message: { sold?: string; ended?: string }) => {
        if (message.sold) sold.push(message.sold)
        if (message.ended) ended.push(message.ended)
        if (ended.length === 300) child.kill('SIGKILL')
      })
      await once(child, 'exit')
      assert.equal(child.signalCode, 'SIGKILL')

      // The killed process left its PostgreSQL running, and perhaps records in its spool.
      const storage = await openTestStorage({ databaseUrl: null, dataDir, gatewayId: 'killed' })
      try {
        const open = new Set<string>((await storage.recovery.openCalls()).map((found) => found.call.id))
        const closed = new Set(
          (await storage.queries.rows("select id from calls where state = 'ended'")).map((row) => row['id']),
        )
        for (const id of ended) assert.ok(closed.has(id) && !open.has(id), `${id} ended`)
        for (const id of sold) assert.ok(closed.has(id) !== open.has(id), `${id} is either open or ended`)
        const postings = await storage.queries.rows('select call_id from ledger_postings')
        assert.equal(postings.length, closed.size)
        const verified = await storage.stores.ledger.verify()
        assert.deepEqual([verified.unbalanced, verified.duplicateCalls], [[], []])
        assert.equal(storage.writer.pending(), 0)
      } finally {
        await storage.close()
      }
    })
})
