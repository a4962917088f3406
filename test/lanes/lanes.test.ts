import assert from 'node:assert/strict'
import { globSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { canSeparateNetworks, sortIntoLanes, type Lane } from './lanes.ts'
import { whyNotReckoning } from './reach.ts'
import { runLane, type LaneEnd } from './run-lane.ts'
import { withSecondAttempts } from './second-attempt.ts'
import { sumOf, type Sum } from './sum.ts'

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

  interface Played {
    readonly end: LaneEnd
    readonly report: string
  }

  async function play(lane: Lane): Promise<Played> {
    let report = ''
    const end = await runLane(lane, { tellReport: (told) => void (report = told), stop: new AbortController().signal })
    return { end, report }
  }

  function run(name: string, text: string, ownNetwork = false, requires: string | null = null): Promise<Played> {
    write({ [`${name}.cjs`]: text })
    return play({ name, files: [join(folder, `${name}.cjs`)], niceness: 10, ownNetwork, requires })
  }

  it('are counted together; failures stand at the end', async () => {
    const passing = await run(
      'passing',
      `describe('one', () => {
         it('passes', () => {})
         it('is to come')
         it('is nicer than others', () => require('node:assert').equal(require('node:os').getPriority(), 10))
       })`,
    )
    const failing = await run('failing', `describe('two', () => { it('fails', () => { throw new Error('broken') }) })`)
    assert.match(passing.report, /passes/)
    assert.ok(!failing.report.includes('broken'), 'not where it happened')
    const sum = sumOf([passing.end, failing.end])
    assert.deepEqual([sum.passes, sum.failures, sum.pending], [2, 1, 1])
    assert.deepEqual(sum.retried, [])
    const closing = sum.closing.join('\n')
    assert.match(
      closing,
      /\d s  all of passing \(1\)\n.*\d s  all of failing \(1\)\n(.*\d s  .*\.cjs\n){2}failed \(failing\): two fails\n/,
    )
    assert.match(closing, /two\s+fails:\s+Error: broken/)
  })

  describe('with second attempts', () => {
    /** Passes what `passes` says, from the second time on that its file is loaded; what is left by a failure fails the next test. */
    const late = (mark: string): string => `
      const fs = require('node:fs')
      const mark = ${JSON.stringify(mark)}
      const first = !fs.existsSync(mark)
      fs.writeFileSync(mark, '')
      let left = false
      describe('one', () => {
        it('passes', () => {})
        it('is late', () => { if (first) { left = true; throw new Error('too late') } })
        it('needs the one before', () => { if (left) throw new Error('its remains') })
        it('is to come')
      })`
    const broken = `it('passes', () => {}); it('fails', () => { throw new Error('broken') })`

    async function twice(files: Readonly<Record<string, string>>): Promise<{ sum: Sum; again: string[] }> {
      write(files)
      const names = Object.keys(files).map((name) => join(folder, name))
      const { end } = await play({ name: 'all', files: names, niceness: 10, ownNetwork: false, requires: null })
      const again: string[] = []
      const ends = await withSecondAttempts([end], async (lane) => {
        again.push(...lane.files)
        return (await play(lane)).end
      })
      return { sum: sumOf(ends), again: again.map((file) => basename(file)) }
    }

    it('run a file again whole, without what its failure left; what failed is named', async () => {
      const { sum, again } = await twice({
        'late.cjs': late(join(folder, 'mark')),
        'well.cjs': `it('passes, too', () => {})`,
      })
      assert.deepEqual(again, ['late.cjs'])
      assert.deepEqual([sum.passes, sum.failures, sum.pending], [4, 0, 1])
      assert.deepEqual(
        sum.retried.map(({ title, message }) => [title, message]),
        [
          ['one is late', 'too late'],
          ['one needs the one before', 'its remains'],
        ],
      )
      assert.doesNotMatch(sum.closing.join('\n'), /failed/)
    })

    it('count what fails again once, and tell of both', async () => {
      const { sum } = await twice({ 'broken.cjs': broken, 'late.cjs': late(join(folder, 'mark')) })
      assert.deepEqual([sum.passes, sum.failures, sum.pending], [4, 1, 1])
      const closing = sum.closing.join('\n')
      assert.match(closing, /failed \(all\): fails\n[^]*failed \(all\): fails, at the second attempt\n/)
    })

    it('count a hook’s failure, and the tests it kept from running, as the second attempt has them', async () => {
      const mark = join(folder, 'mark')
      const { sum } = await twice({
        'hook.cjs': `const fs = require('node:fs'), mark = ${JSON.stringify(mark)}
          describe('one', () => {
            before(() => { if (!fs.existsSync(mark)) { fs.writeFileSync(mark, ''); throw new Error('not up') } })
            it('passes', () => {})
            it('passes, too', () => {})
          })`,
      })
      assert.deepEqual([sum.passes, sum.failures], [2, 0])
    })

    it('leave nothing to fail that has passed at one of both', async () => {
      const mark = join(folder, 'mark')
      const { sum } = await twice({
        'turns.cjs': `const fs = require('node:fs'), mark = ${JSON.stringify(mark)}
          const first = !fs.existsSync(mark)
          fs.writeFileSync(mark, '')
          describe('one', () => {
            it('fails first', () => { if (first) throw new Error('too late') })
            it('fails then', () => { if (!first) throw new Error('too early') })
            it('passes', () => {})
          })`,
      })
      assert.deepEqual([sum.passes, sum.failures], [3, 0])
      assert.deepEqual(
        sum.retried.map(({ title }) => title),
        ['one fails first', 'one fails then'],
      )
    })

    it('do not take for passed what a hook has kept from running', async () => {
      const mark = join(folder, 'mark')
      const { sum } = await twice({
        'hidden.cjs': `const fs = require('node:fs'), mark = ${JSON.stringify(mark)}
          const first = !fs.existsSync(mark)
          fs.writeFileSync(mark, '')
          describe('one', () => {
            it('passes', () => {})
            describe('two', () => {
              before(() => { if (!first) throw new Error('not up') })
              it('fails', () => { throw new Error('broken') })
            })
          })`,
      })
      assert.deepEqual([sum.passes, sum.failures], [1, 1])
    })

    it('do not hide that mocha gave up before it had come to all files', async () => {
      const mark = join(folder, 'mark')
      const { sum, again } = await twice({
        'a.cjs': `const fs = require('node:fs'), mark = ${JSON.stringify(mark)}
          describe('one', () => {
            it('passes, and throws later', (done) => {
              done()
              if (!fs.existsSync(mark)) process.nextTick(() => { fs.writeFileSync(mark, ''); throw new Error('to nobody') })
            })
          })`,
        'b.cjs': `describe('two', () => { it('passes', () => {}) })`,
      })
      assert.deepEqual(again, ['a.cjs'])
      assert.deepEqual([sum.passes, sum.failures], [1, 1])
      assert.match(sum.closing.join('\n'), /mocha gave up 1 suites/)
    })

    it('are no attempts when nothing ran', async () => {
      const mark = join(folder, 'mark')
      const { sum } = await twice({
        'a.cjs': `const fs = require('node:fs'), mark = ${JSON.stringify(mark)}
          describe('one', () => {
            it('fails, then skips', function () {
              if (fs.existsSync(mark)) return this.skip()
              fs.writeFileSync(mark, '')
              throw new Error('broken')
            })
          })`,
      })
      assert.deepEqual([sum.passes, sum.failures], [0, 1])
    })

    it('are not given when more than a few files failed', async () => {
      const files = Array.from({ length: 11 }, (_, at) => [`broken${at}.cjs`, broken])
      const { sum, again } = await twice(Object.fromEntries(files))
      assert.deepEqual([sum.passes, sum.failures, again], [11, 11, []])
    })
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
    assert.deepEqual([passes, failures], [0, 4])
    assert.match(failed[0]!.message, /^a file of the reckoning lane may not listen/)
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
