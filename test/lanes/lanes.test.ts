import assert from 'node:assert/strict'
import { globSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { canSeparateNetworks, sortIntoLanes } from './lanes.ts'
import { whyNotReckoning } from './reach.ts'
import { runLane, type LaneEnd } from './run-lane.ts'
import { sumOf } from './sum.ts'

const ROOT = join(import.meta.dirname, '../..')

describe('the lanes of the suite', function () {
  this.timeout(120_000)
  let folder: string
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'dce-lanes-'))))
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  function write(files: Readonly<Record<string, string>>): void {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      writeFileSync(join(folder, name), text)
    }
  }

  const suite = globSync('test/**/*.test.ts', { cwd: ROOT }).toSorted()

  it('have every file once, in its order', () => {
    const lanes = sortIntoLanes(ROOT, suite, true)
    assert.deepEqual(lanes.flatMap(({ files }) => files).toSorted(), suite)
    for (const { files } of lanes) assert.deepEqual(files, files.toSorted())
    const laneOf = (file: string): string | undefined => lanes.find(({ files }) => files.includes(file))?.name
    assert.deepEqual(
      ['test/calls/answered.test.ts', 'test/storage/book.test.ts', 'test/model/money.test.ts'].map(laneOf),
      ['real time', 'services', 'reckoning'],
    )
  })

  it('are two where a lane can have no network of its own', () => {
    const [first, second, ...others] = sortIntoLanes(ROOT, suite, false)
    assert.deepEqual([first!.name, second!.name, others], ['real time', 'reckoning', []])
    assert.ok(first!.files.includes('test/storage/book.test.ts') && !first!.files.includes('test/model/money.test.ts'))
    assert.deepEqual(
      [first!, second!].map(({ ownNetwork }) => ownNetwork),
      [false, false],
    )
  })

  it('let a file reckon that opens nothing, whatever types it names', () => {
    write({
      'test/a.test.ts': `import assert from 'node:assert/strict'\nimport type { Socket } from 'node:net'\nimport { b } from '../b.ts'\n`,
      'b.ts': `import { isIP } from 'node:net'\nimport { readFileSync } from 'node:fs'\nexport { c } from './c.ts'\n`,
      'c.ts': `export const c = 'setTimeout('\nimport { z } from 'zod'\n`,
    })
    assert.equal(whyNotReckoning(folder, 'test/a.test.ts'), null)
  })

  for (const [what, text] of Object.entries({
    'a socket': `import { connect, isIP } from 'node:net'`,
    'a process': `import {\n  spawn,\n} from 'node:child_process'`,
    'a database': `import pg from 'pg'`,
    'something unknown': `import 'a-package-of-tomorrow'`,
    'something unknown, passed on': `export * from 'a-package-of-tomorrow'`,
    'something later': `await import('node:http')`,
    'a request': `await fetch(url)`,
  })) {
    it(`keep a file from it that reaches ${what}, at any distance`, () => {
      write({ 'test/a.test.ts': `import { b } from '../b.ts'\n`, 'b.ts': `import { c } from './c.ts'\n`, 'c.ts': text })
      assert.match(String(whyNotReckoning(folder, 'test/a.test.ts')), /^c\.ts /)
    })
  }

  it('keep a file from it that waits for a time, or whose thread does what it must not', () => {
    write({
      'test/waits.test.ts': `import './stage.ts'\n`,
      'test/stage.ts': `await new Promise((resolve) => setTimeout(resolve, 10))\n`,
      'test/thread.test.ts': `const file = new URL('./worker.ts', import.meta.url)\n`,
      'test/worker.ts': `import { createSocket } from 'node:dgram'\n`,
    })
    assert.equal(whyNotReckoning(folder, 'test/waits.test.ts'), 'test/stage.ts waits for a time')
    assert.equal(whyNotReckoning(folder, 'test/thread.test.ts'), 'test/worker.ts imports node:dgram')
  })

  async function run(
    name: string,
    text: string,
    ownNetwork = false,
    requires: string | null = null,
  ): Promise<{ end: LaneEnd; report: string }> {
    write({ [`${name}.cjs`]: text })
    let report = ''
    const lane = { name, files: [join(folder, `${name}.cjs`)], niceness: 10, ownNetwork, requires }
    const end = await runLane(lane, {
      mochaOptions: ['--retries', '1'],
      tellReport: (told) => void (report = told),
      stop: new AbortController().signal,
    })
    return { end, report }
  }

  it('are counted together; failures stand at the end, and what passed at the second attempt is named', async () => {
    const passing = await run(
      'passing',
      `let tries = 0
       describe('one', () => {
         it('passes', () => {})
         it('is late', () => { if (tries++ === 0) throw new Error('too late') })
         it('is to come')
         it('is nicer than others', () => require('node:assert').equal(require('node:os').getPriority(), 10))
       })`,
    )
    const failing = await run(
      'failing',
      `let tries = 0
       describe('two', () => { it('fails', () => { throw new Error(tries++ === 0 ? 'cause' : 'broken') }) })`,
    )
    assert.match(passing.report, /passes/)
    assert.ok(!failing.report.includes('broken'), 'not where it happened')
    const sum = sumOf([passing.end, failing.end])
    assert.deepEqual([sum.passes, sum.failures, sum.pending], [3, 1, 1])
    assert.deepEqual(sum.retried, [['one is late', 'too late']])
    const closing = sum.closing.join('\n')
    assert.match(
      closing,
      /\d s  all of passing \(1\)\n.*\d s  all of failing \(1\)\n(.*\d s  .*\.cjs\n){2}failed \(failing\):/,
    )
    assert.match(closing, /1\) two\s+fails:\s+Error: broken/)
    assert.match(closing, /at the first attempt: two fails: cause/)
  })

  it('count one that is killed, that ends badly, or that cannot be read as a failure', async () => {
    const killed = await run('killed', `it('dies', (done) => process.kill(process.pid, 'SIGKILL'))`)
    const broken = await run('broken', `throw new Error('not to be loaded')`)
    const bad = await run('bad', `it('passes', () => {}); process.on('exit', () => { process.exitCode = 7 })`)
    assert.match(killed.end.crashed!, /SIGKILL/)
    assert.match(broken.report, /not to be loaded/)
    assert.match(bad.end.crashed!, /7/)
    const { passes, failures } = sumOf([killed.end, broken.end, bad.end])
    assert.deepEqual([passes, failures], [1, 3])
  })

  it('let no file reckon that opens something all the same', async () => {
    const { end } = await run(
      'opening',
      `it('listens', (done) => void require('node:net').createServer().listen(0, done))
       it('connects', (done) => void require('node:net').connect(1).on('error', done))
       it('sends', () => void require('node:dgram').createSocket('udp4').send('x', 1, '127.0.0.1'))
       it('starts', () => void require('node:child_process').spawn('true'))`,
      false,
      'test/lanes/nothing-opened.ts',
    )
    const { passes, failures, failed } = end.counts
    assert.deepEqual([passes, failures], [0, 4], failed)
    assert.match(failed, /OpenedSomething: a file of the reckoning lane may not listen/)
  })

  it('are apart: what one has bound, another may bind', async function () {
    if (!canSeparateNetworks()) return this.skip()
    const { createServer } = await import('node:net')
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const port = typeof address === 'object' ? address!.port : 0
    const { end } = await run(
      'apart',
      `it('binds', (done) => void require('node:net').createServer().listen(${port}, '127.0.0.1', done))`,
      true,
    )
    server.close()
    assert.deepEqual([end.counts.passes, end.crashed], [1, null])
  })
})
