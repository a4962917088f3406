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

  it('makes no list of a file that is none, which would refuse every call', async function () {
    this.timeout(120_000)
    const databaseUrl = await createDatabase()
    const storage = await openTestStorage({ databaseUrl })
    const folder = temporaryFolder()
    const path = join(folder, 'page.html')
    writeFileSync(path, '<html><p>888-382-1222</p></html>')
    const lists = async () => (await storage.stores.suppression.lists.list({ limit: 10, cursor: null }, {})).data
    const run = async (...flags: string[]) => {
      const child = spawn(
        process.execPath,
        [DCE, 'dnc', 'import', path, '--list', 'ftc', '--kind', 'national', '--data_dir', folder, ...flags],
        { env: { ...process.env, DCE_DATABASE_URL: databaseUrl }, stdio: ['ignore', 'pipe', 'pipe'] },
      )
      let err = ''
      child.stderr.on('data', (text: Buffer) => (err += text))
      const [code] = await once(child, 'exit')
      return { code, err }
    }
    for (const [flags, words] of [
      [[], /--version-date is missing/],
      [['--version-date', '2026-11-01'], /web page/],
    ] as const) {
      const { code, err } = await run(...flags)
      assert.notEqual(code, 0)
      assert.match(err, words)
      assert.deepEqual(await lists(), [])
    }
    writeFileSync(path, '202,5551234\n')
    const { code, err } = await run('--version-date', '2026-11-01')
    assert.equal(code, 0, err)
    const [made] = await lists()
    assert.deepEqual([made!.numbers, made!.whenExpired, made!.expiresAfterDays], [1, 'refuse', 31])
    await storage.close()
  })
})
