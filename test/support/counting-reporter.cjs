// mocha's own spec reporter, which also leaves where test/lanes/ finds them: its counts, for each file and in all, how long each took,
// and the failures, which are printed at the end of all lanes instead of this one's.
const { writeFileSync } = require('node:fs')
const path = require('node:path')
const { format } = require('node:util')
const { reporters } = require('mocha')

class CountingReporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options)
    /** @type {Map<string, { ms: number, passes: number, pending: number, passed: string[] }>} */
    const files = new Map()
    /** @type {{ file: string, title: string, message: string, listed: string }[]} */
    const failed = []
    let from = 0
    let unended = 0
    runner.once('start', () => {
      unended = runner.suite.suites.filter((suite) => runner.grepTotal(suite) > 0).length
    })
    const nameOf = ({ file }) => path.relative(process.cwd(), file ?? '')
    const of = (runnable) => {
      const name = nameOf(runnable)
      if (!files.has(name)) files.set(name, { ms: 0, passes: 0, pending: 0, passed: [] })
      return files.get(name)
    }
    runner.on('suite', (suite) => {
      if (suite.parent?.root) from = performance.now()
    })
    runner.on('suite end', (suite) => {
      if (suite.parent?.root) unended--
      if (suite.parent?.root && suite.file) of(suite).ms += performance.now() - from
    })
    runner.on('pass', (test) => {
      of(test).passes++
      of(test).passed.push(test.fullTitle())
    })
    runner.on('pending', (test) => of(test).pending++)
    runner.on('fail', (test, error) => {
      of(test)
      const message = String(error?.message ?? error)
      failed.push({ file: nameOf(test), title: test.fullTitle(), message, listed: listed(test) })
    })
    runner.once('end', () => {
      const { passes, failures, pending } = this.stats
      const counts = {
        passes,
        failures,
        pending,
        unended,
        retried: [],
        failed,
        files: [...files].map(([file, count]) => ({ file, ...count, ms: Math.round(count.ms) })),
      }
      if (process.env.DCE_TEST_COUNTS) writeFileSync(process.env.DCE_TEST_COUNTS, JSON.stringify(counts))
    })
  }

  epilogue() {
    if (process.env.DCE_TEST_COUNTS) this.failures = []
    super.epilogue()
  }
}

/** What mocha prints of a failure, without its number. */
function listed(test) {
  const { Base } = reporters
  const print = Base.consoleLog
  const lines = []
  Base.consoleLog = (...args) => lines.push(format(...args))
  Base.list([test])
  Base.consoleLog = print
  return lines.join('\n').replace('1) ', '')
}

module.exports = CountingReporter
