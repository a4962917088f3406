import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createDatabase, openTestStorage, temporaryFolder } from '../../support/storage.ts'
import { asLoaded, file, newList, REPLACE } from './support.ts'

const DCE = new URL('../../../gateway/dce.js', import.meta.url).pathname

describe('dce dnc import', () => {
  it('leaves the list as it was when it is killed in the middle, and does it whole the next time', async function () {
    this.timeout(120_000)
    const databaseUrl = await createDatabase()
    const storage = await openTestStorage({ databaseUrl })
    const folder = temporaryFolder()
    const { id } = await newList(storage, 'ftc')
    await storage.stores.suppression.import(id, file('202,5551234\n'), REPLACE)
    const path = join(folder, 'full.txt')
    const lines = Array.from({ length: 300_000 }, (_, i) => `${202 + (i % 50)},${2_000_000 + i * 11}`)
    writeFileSync(path, lines.join('\n'))

    const run = () =>
      spawn(
        process.execPath,
        [DCE, 'dnc', 'import', path, '--list', 'ftc', '--version-date', '2026-11-01', '--data_dir', folder],
        { env: { ...process.env, DCE_DATABASE_URL: databaseUrl }, stdio: ['ignore', 'pipe', 'pipe'] },
      )
    const killed = run()
    await new Promise<void>((resolve) => {
      killed.stderr.on('data', (text: Buffer) => {
        if (/\d0 %/.test(text.toString())) resolve()
      })
    })
    killed.kill('SIGKILL')
    await once(killed, 'exit')
    const before = await asLoaded(storage, id)
    // It may have been done before the kill came: then all of it is there.
    if (before.held.list.revision === 1) assert.ok(before.has('+12025551234') && !before.has('+12032000011'))
    else assert.equal(before.held.list.numbers, 300_000)

    const whole = run()
    let [out, err] = ['', '']
    whole.stdout.on('data', (text: Buffer) => (out += text))
    whole.stderr.on('data', (text: Buffer) => (err += text))
    const [code] = await once(whole, 'exit')
    assert.equal(code, 0, err)
    assert.match(out, /300000 on the list ftc, 0 invalid/)
    assert.match(err, /100 %/)
    const { has, held } = await asLoaded(storage, id)
    assert.ok(has('+12032000011') && !has('+12025551234'))
    assert.equal(held.list.numbers, 300_000)
    await storage.close()
  })
})
