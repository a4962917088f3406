import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { mock } from 'node:test'
import { openSpoolFile } from '../../storage/spool-file.ts'
import { NEARLY_FULL, Spool } from '../../storage/spool.ts'
import { temporaryFolder } from '../support/storage.ts'

const MIB = 1024 * 1024
const body = (n: number, size = 4_000): string => JSON.stringify({ n, pad: 'x'.repeat(size) })

describe('the spool', () => {
  let spool: Spool | null = null
  const open = async (folder: string, bytes = MIB): Promise<Spool> => (spool = await Spool.open(folder, bytes))
  afterEach(() => spool?.close())

  it('gives records back in the order they came, also after it was closed and opened', async () => {
    const folder = temporaryFolder()
    await open(folder)
    await spool!.append([body(1), body(2)])
    await spool!.append([body(3)])
    await spool!.close()
    await open(folder)
    assert.equal(spool!.count, 3)
    const records = await spool!.read(2)
    assert.deepEqual(
      records.map((record) => JSON.parse(record.body).n),
      [1, 2],
    )
    await spool!.remove(records[1]!.seq)
    assert.equal(spool!.count, 1)
    assert.equal(JSON.parse((await spool!.read(10))[0]!.body).n, 3)
  })

  it('syncs what it forgets, unless whoever asks can bear to be given it again', () => {
    const file = openSpoolFile(join(temporaryFolder(), 'spool.sqlite'), MIB)
    const exec = mock.method(DatabaseSync.prototype, 'exec')
    const statements = (): string[] => exec.mock.calls.map(({ arguments: [sql] }) => sql)
    try {
      file.append([body(1), body(2)])
      exec.mock.resetCalls()
      file.remove(1, true)
      assert.deepEqual(statements(), ['begin immediate', 'commit'])
      exec.mock.resetCalls()
      file.remove(2, false)
      assert.deepEqual(statements(), [
        'pragma synchronous = normal',
        'begin immediate',
        'commit',
        'pragma synchronous = full',
      ])
    } finally {
      exec.mock.restore()
      file.close()
    }
  })

  it('is for its owner alone to read, log included', async () => {
    const folder = temporaryFolder()
    await open(folder)
    await spool!.append([body(1)])
    const modes = readdirSync(folder).map((file) => [file, (statSync(join(folder, file)).mode & 0o777).toString(8)])
    assert.deepEqual(modes, [
      ['spool.sqlite', '600'],
      ['spool.sqlite-wal', '600'],
    ])
  })

  it('has nothing left of what has left it, once it is wiped, and all of its room', async () => {
    const folder = temporaryFolder()
    await open(folder)
    const files = (): string =>
      readdirSync(folder)
        .map((file) => readFileSync(join(folder, file), 'latin1'))
        .join('')
    await spool!.append(
      Array.from({ length: 20 }, () => JSON.stringify({ from: '+12125550123', pad: 'x'.repeat(4_000) })),
    )
    await spool!.remove((await spool!.read(100)).at(-1)!.seq)
    assert.ok(files().includes('2125550123'))
    await spool!.wipe()
    assert.ok(!files().includes('2125550123'))
    assert.ok(spool!.usage.reserved && spool!.hasRoom)
    await spool!.append([body(1)])
    await spool!.wipe()
    assert.equal(spool!.count, 1, 'what waits stays')
  })

  it('has its full size from the start and never another, log included', async () => {
    const folder = temporaryFolder()
    await open(folder, 16 * MIB)
    const sizes = (): Record<string, number> =>
      Object.fromEntries(readdirSync(folder).map((file) => [file, statSync(join(folder, file)).size]))
    const before = sizes()
    assert.ok(before['spool.sqlite']! > 15 * MIB)
    for (let round = 0; round < 4; round++) {
      while (spool!.hasRoom) await spool!.append(Array.from({ length: 200 }, (_, n) => body(n)))
      for (;;) {
        const records = await spool!.read(512)
        if (records.length === 0) break
        await spool!.remove(records.at(-1)!.seq)
      }
    }
    assert.deepEqual(sizes(), before)
  })

  it('has no room for new calls when nearly full, and refuses whole batches when full, keeping what it has', async () => {
    await open(temporaryFolder())
    let kept = 0
    while (spool!.hasRoom) {
      await spool!.append([body(kept++)])
    }
    assert.ok(spool!.usage.usedBytes >= spool!.usage.capacityBytes * NEARLY_FULL)
    const ends = kept
    await assert.rejects(
      async () => {
        for (;;) {
          await spool!.append([body(kept), body(kept + 1)])
          kept += 2
        }
      },
      { name: 'SpoolError' },
    )
    assert.ok(kept > ends, 'the calls in progress could still end')
    assert.equal(spool!.count, kept)
    const records = await spool!.read(kept + 10)
    assert.deepEqual(
      records.map((record) => JSON.parse(record.body).n),
      Array.from({ length: kept }, (_, n) => n),
    )
    await spool!.remove(records.at(-1)!.seq)
    assert.equal(spool!.hasRoom, true)
  })

  describe('on a disk that is full', () => {
    const folder = temporaryFolder()
    before(function () {
      if (process.getuid?.() !== 0) this.skip()
      try {
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', folder], { stdio: 'ignore' })
      } catch {
        this.skip() // A container may not mount.
      }
    })
    after(async () => {
      await spool?.close()
      spool = null
      try {
        execFileSync('umount', [folder], { stdio: 'ignore' })
      } catch {
        // It was never mounted.
      }
    })
    const fillDisk = (): void => {
      try {
        for (let n = 0; ; n++) writeFileSync(join(folder, `filler-${n}`), Buffer.alloc(64 * 1024))
      } catch {
        // Full.
      }
    }

    it('still takes records and gives them back, since its room is its own', async () => {
      await open(folder, 4 * MIB)
      fillDisk()
      let kept = 0
      while (spool!.hasRoom) await spool!.append([body(kept++), body(kept++)])
      assert.ok(kept > 500)
      assert.equal((await spool!.read(10_000)).length, kept)
      await spool!.remove((await spool!.read(100)).at(-1)!.seq)
      assert.equal(spool!.count, kept - 100)
    })

    it('opens without room, and finds it when the disk has some again', async () => {
      execFileSync('sh', ['-c', `rm -rf ${folder}/*`])
      fillDisk()
      execFileSync('sh', ['-c', `rm ${folder}/filler-1 ${folder}/filler-2 ${folder}/filler-3`])
      await open(folder, 4 * MIB)
      assert.equal(spool!.hasRoom, false)
      execFileSync('sh', ['-c', `rm ${folder}/filler-*`])
      await spool!.reserve()
      assert.equal(spool!.hasRoom, true)
    })
  })
})
