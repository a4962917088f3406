import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { FILE_EXTENSION } from '../../../media/recording/recording-format.ts'
import { Vault } from '../../../config/vault.ts'
import type { PhoneNumber } from '../../../model/phone-number.ts'
import { callRecord } from '../../support/records.ts'
import { openTestStorage, temporaryFolder } from '../../support/storage.ts'

const DCE = new URL('../../../gateway/dce.js', import.meta.url).pathname

describe('dce privacy erase', function () {
  this.timeout(60_000)

  it('deletes the recordings of a number, and writes down that they are gone', async () => {
    const key = Buffer.alloc(32, 5)
    const storage = await openTestStorage({ vault: new Vault([{ id: 'test', key }]) })
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'recordings'))
    try {
      const ended = { state: 'ended', outcome: 'no_sale', endedAt: new Date() } as const
      const call = callRecord({ ...ended, ani: '+12125550123' as PhoneNumber })
      await storage.writer.write({ kind: 'ended', call, auction: null, audit: null } as never)
      await storage.writer.drain()
      const startedAt = new Date()
      const begun = { callId: call.id, name: call.id, startedAt }
      await storage.recordings.ended({ ...begun, durationMs: 1, bytes: 1, state: 'kept', reason: 'call_ended' })
      const file = join(folder, 'recordings', `${call.id}${FILE_EXTENSION}`)
      writeFileSync(file, 'x')
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [DCE, 'privacy', 'erase', '+12125550123', '--reason', 'by letter'],
        {
          env: {
            ...process.env,
            DCE_DATABASE_URL: storage.options.databaseUrl!,
            DCE_DATA_DIR: folder,
            DCE_SECURITY_ENCRYPTION_KEYS: `test:${key.toString('hex')}`,
          },
        },
      )
      assert.match(stdout, /the number is erased-/)
      assert.ok(!existsSync(file))
      assert.equal((await storage.recordings.of([call.id]))[0]!.state, 'erased')
    } finally {
      await storage.close()
    }
  })
})
