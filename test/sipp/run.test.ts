import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findFreePort, waitUntilBound } from '../../sipp/free-port.ts'
import { explain, playScenario, ScenarioFailedToStart, sippIsInstalled, startScenario } from '../../sipp/run.ts'

const SIPP = join(import.meta.dirname, '../../sipp')
const scenarios = readdirSync(SIPP).filter((name) => name.endsWith('.xml'))
const situationOf = (name: string) => name.replace(/^(uac|uas)-/, '').replace(/-expect-.*$/, '')

describe('the scenarios', () => {
  it('are named for a role, a situation and what it expects', () => {
    for (const name of scenarios) assert.match(name, /^(uac|uas)(-[a-z0-9]+)+-expect-(\d{3}|bye)\.xml$/)
    const situations = new Set(scenarios.map(situationOf))
    assert.ok(situations.size >= 60, `${situations.size} situations`)
  })

  it('say in a comment what they are for', () => {
    for (const name of scenarios) assert.match(readFileSync(join(SIPP, name), 'utf8'), /<!--\n {2}\S/, name)
  })

  it('are all played by a story', () => {
    const told = ['calls', 'peers']
      .map((folder) => join(import.meta.dirname, '..', folder))
      .flatMap((folder) => readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8')))
      .join('\n')
    // Some are named by a template: what stands before the first part that varies must be there.
    const missing = scenarios.filter((name) => {
      const situation = situationOf(name)
      return (
        !told.includes(name) &&
        !situation.split('-').some((_, n, words) => told.includes(`'${words.slice(n).join('-')}'`))
      )
    })
    assert.deepEqual(missing, [])
  })

  it('are all named in docs/qa.md', () => {
    const named = readFileSync(join(import.meta.dirname, '../../docs/qa.md'), 'utf8')
    assert.deepEqual(
      scenarios.filter((name) => !named.includes(`\`${situationOf(name)}\``)),
      [],
    )
  })
})

describe('the runner', function () {
  this.timeout(90_000)
  let logDirectory: string
  before(async function () {
    if (!sippIsInstalled()) this.skip()
    logDirectory = await mkdtemp(join(tmpdir(), 'dce-run-'))
  })
  after(async () => {
    if (logDirectory) await rm(logDirectory, { recursive: true, force: true })
  })

  it('plays a carrier against a buyer and counts', async () => {
    const buyer = await startScenario({ file: 'uas-busy-expect-486.xml', logDirectory })
    const result = await playScenario({
      file: 'uac-busy-expect-486.xml',
      remote: buyer,
      service: '+18005550100',
      keys: { ani: '+12125550100' },
      logDirectory,
    })
    assert.equal(result.exitCode, 0, await explain(result))
    assert.equal(result.stats.successful, 1)
    assert.equal((await buyer.finished).exitCode, 0)
  })

  it('tells a failed call by its exit code, and why', async () => {
    const buyer = await startScenario({ file: 'uas-busy-expect-486.xml', logDirectory })
    const keys = { ani: '+12125550100' }
    const result = await playScenario({ file: 'uac-no-sale-expect-480.xml', remote: buyer, keys, logDirectory })
    assert.notEqual(result.exitCode, 0)
    assert.match(await explain(result), /486 Busy Here/)
    await buyer.stop()
  })

  it('gives up at its time limit', async () => {
    const buyer = await startScenario({ file: 'uas-busy-expect-486.xml', logDirectory, timeoutS: 1 })
    assert.notEqual((await buyer.finished).exitCode, 0)
  })

  it('refuses a scenario that cannot be read', async () => {
    await assert.rejects(startScenario({ file: 'uas-missing-expect-200.xml', logDirectory }), ScenarioFailedToStart)
  })

  it('stops what it started, more than once if asked', async () => {
    const buyer = await startScenario({ file: 'uas-busy-expect-486.xml', logDirectory })
    await Promise.all([buyer.stop(), buyer.stop()])
    assert.throws(() => process.kill(buyer.pid, 0), { code: 'ESRCH' })
  })
})

describe('a free port', () => {
  it('is even, and seen as bound once somebody has it', async function () {
    if (process.platform !== 'linux') this.skip()
    const port = await findFreePort('127.0.0.1')
    assert.equal(port % 2, 0)
    assert.equal(await waitUntilBound('udp', '127.0.0.1', port, 50), false)
    const socket = createSocket('udp4')
    await new Promise<void>((resolve) => socket.bind(port, '127.0.0.1', resolve))
    assert.equal(await waitUntilBound('udp', '127.0.0.1', port, 50), true)
    socket.close()
  })
})
