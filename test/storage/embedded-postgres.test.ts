import assert from 'node:assert/strict'
import { execFileSync, fork, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import pg from 'pg'
import { systemClock } from '../../model/clock.ts'
import { attachToEmbedded, EmbeddedPostgres } from '../../storage/embedded-postgres.ts'
import { openStorage } from '../../storage/storage.ts'
import { callRecord, soldRecord } from '../support/records.ts'
import { openTestStorage, recordingLog, silentLog, temporaryFolder } from '../support/storage.ts'

const OPENER = new URL('../support/opening-process.ts', import.meta.url)
const asRoot = process.getuid?.() === 0

describe('the embedded PostgreSQL', function () {
  this.timeout(120_000)

  it('keeps its data over a restart, with a data folder that is root’s alone and deep in the tree', async function () {
    const outer = temporaryFolder()
    const dataDir = join(outer, 'closed'.repeat(10), 'deep'.repeat(20), 'var')
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
    for (let folder = dataDir; folder !== outer; folder = join(folder, '..')) chmodSync(folder, 0o700)
    chmodSync(outer, 0o700)
    const call = callRecord()
    for (const round of [1, 2]) {
      const storage = await openTestStorage({ databaseUrl: null, dataDir })
      if (round === 1) await storage.writer.write(soldRecord(call))
      else assert.equal((await storage.recovery.openCalls())[0]?.call.id, call.id)
      await storage.close()
      await storage.close()
    }
    if (asRoot) assert.equal(statSync(join(dataDir, '..')).mode & 0o777, 0o700, 'nobody was let in')
    assert.equal(existsSync(join(dataDir, 'postgres', 'postmaster.pid')), false, 'it stopped cleanly')
  })

  it('is durable: what the settings say is what runs', async () => {
    const dataDir = temporaryFolder()
    const postgres = await EmbeddedPostgres.start(dataDir, silentLog)
    try {
      const client = new pg.Client(postgres.connection)
      await client.connect()
      for (const name of ['fsync', 'synchronous_commit', 'full_page_writes'])
        assert.equal((await client.query(`show ${name}`)).rows[0][name], 'on')
      assert.equal((await client.query('show listen_addresses')).rows[0].listen_addresses, '')
      await client.end()
    } finally {
      await postgres.close()
    }
  })

  it('says clearly that another exchange has the data folder, and leaves that one alone', async () => {
    const dataDir = temporaryFolder()
    const child = fork(OPENER, [dataDir], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    await once(child, 'message')
    await assert.rejects(openTestStorage({ databaseUrl: null, dataDir }), {
      name: 'DataDirectoryInUse',
      message: /in use by another running exchange/,
    })
    const attached = attachToEmbedded(dataDir)!
    const client = new pg.Client(attached.connection)
    await client.connect()
    assert.ok((await client.query('select count(*)::int as n from accounts')).rows[0].n > 0, 'a command may look in')
    await client.end()
    attached.close()
    child.send('close')
    await once(child, 'exit')
    const storage = await openTestStorage({ databaseUrl: null, dataDir })
    await storage.close()
    assert.equal(attachToEmbedded(temporaryFolder()), null)
  })

  it('says so within one process too', async () => {
    const storage = await openTestStorage()
    await assert.rejects(openTestStorage({ dataDir: storage.options.dataDir }), { name: 'DataDirectoryInUse' })
    await storage.close()
  })

  it('stops the server that a killed process left, and starts its own', async () => {
    const dataDir = temporaryFolder()
    const child = fork(OPENER, [dataDir], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    const [{ pid: orphan }] = (await once(child, 'message')) as [{ pid: number }]
    child.kill('SIGKILL')
    await once(child, 'exit')
    assert.ok(existsSync(`/proc/${orphan}`) || process.platform !== 'linux')
    const log = recordingLog()
    const storage = await openTestStorage({ databaseUrl: null, dataDir, log })
    assert.notEqual(storage.embeddedPid(), orphan)
    assert.ok(log.lines.some((line) => line.message.includes('killed process')))
    await storage.close()
  })

  it('is not fooled by a lock file whose process number is another program’s', async () => {
    const dataDir = temporaryFolder()
    const first = await EmbeddedPostgres.start(dataDir, silentLog)
    const file = join(dataDir, 'postgres', 'postmaster.pid')
    const lock = readFileSync(file, 'utf8')
    await first.close()
    const stranger = spawn('sleep', ['60'])
    writeFileSync(file, lock.replace(/^\d+/, String(stranger.pid)))
    const second = await EmbeddedPostgres.start(dataDir, silentLog)
    await second.close()
    assert.equal(stranger.exitCode, null, 'and it was left alone')
    stranger.kill()
  })

  it('begins again when its first making was cut off', async () => {
    const dataDir = temporaryFolder()
    mkdirSync(join(dataDir, 'postgres.new', 'base'), { recursive: true })
    writeFileSync(join(dataDir, 'postgres.new', 'half'), 'made')
    const postgres = await EmbeddedPostgres.start(dataDir, silentLog)
    await postgres.close()
    assert.equal(existsSync(join(dataDir, 'postgres.new')), false)
  })

  it('runs without root', function (done) {
    if (!asRoot) return this.skip()
    // A clone in a folder closed to others (/root, say): nobody could not even start Node there, let alone read our code.
    const readable = spawnSync(process.execPath, ['-e', `fs.readFileSync(${JSON.stringify(OPENER.pathname)})`], {
      uid: 65_534,
      gid: 65_534,
    })
    if (readable.error || readable.status !== 0) return this.skip()
    const folder = temporaryFolder()
    execFileSync('chown', ['65534:65534', folder])
    const child = fork(OPENER, [folder], {
      uid: 65_534,
      gid: 65_534,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    } as object)
    child.once('message', () => child.send('close'))
    child.once('error', done)
    child.once('exit', (code) => done(code === 0 ? undefined : new Error(`exit code ${code}`)))
  })

  it('tells in one sentence why it cannot start', async () => {
    const dataDir = temporaryFolder()
    const postgres = await EmbeddedPostgres.start(dataDir, silentLog)
    await postgres.close()
    writeFileSync(join(dataDir, 'postgres', 'PG_VERSION'), '9.6\n')
    await assert.rejects(EmbeddedPostgres.start(dataDir, silentLog), {
      name: 'EmbeddedPostgresError',
      message: /did not start: .*incompatible with server/,
    })
  })
})

describe('a database that is down at the start', () => {
  it('is waited for, with a message, and then given up with a clear error', async () => {
    const log = recordingLog()
    const listener = createServer((socket) => socket.destroy())
    listener.listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const { port } = listener.address() as AddressInfo
    for (const url of [`postgresql://dce@127.0.0.1:${port}/dce`, 'postgresql://dce@127.0.0.1:1/dce']) {
      const options = {
        databaseUrl: url,
        dataDir: temporaryFolder(),
        gatewayId: 'x',
        log,
        clock: systemClock,
        onBookChange: () => {},
        startTimeoutMs: 1_200,
      }
      await assert.rejects(openStorage(options), {
        name: 'StoreUnavailable',
        message: /the database is down \(waited 1200 ms\)/,
      })
    }
    listener.close()
    assert.ok(log.lines.filter((line) => line.message === 'the database is down: trying again').length >= 2)
  })
})
