// mocha's own spec reporter, which also leaves where test/lanes/ finds them: its counts, how long each file took, what did not pass at
// once, and the failures, which are printed at the end of all lanes instead of this one's.
const { writeFileSync } = require('node:fs')
const path = require('node:path')
const { format } = require('node:util')
const { reporters } = require('mocha')

class CountingReporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options)
    /** @type {Map<string, string>} */
    const retried = new Map()
    /** @type {Map<string, number>} */
    const files = new Map()
    let from = 0
    runner.on('suite', (suite) => {
      if (suite.parent?.root) from = performance.now()
    })
    runner.on('suite end', (suite) => {
      if (!suite.parent?.root || !suite.file) return
      const file = path.relative(process.cwd(), suite.file)
      files.set(file, (files.get(file) ?? 0) + performance.now() - from)
    })
    runner.on('retry', (test, error) => retried.set(test.fullTitle(), String(error?.message ?? error)))
    /** What failed at both attempts: the second may only tell what the first left behind. */
    const first = []
    runner.on('fail', (test) => {
      const title = test.fullTitle()
      if (retried.has(title)) first.push(`  at the first attempt: ${title}: ${retried.get(title)}`)
      retried.delete(title)
    })
    runner.once('end', () => {
      const { passes, failures, pending } = this.stats
      const counts = {
        passes,
        failures,
        pending,
        retried: [...retried],
        failed: [listed(this.failed), ...first].filter(Boolean).join('\n'),
        files: [...files].map(([file, ms]) => ({ file, ms: Math.round(ms) })),
      }
      if (process.env.DCE_TEST_COUNTS) writeFileSync(process.env.DCE_TEST_COUNTS, JSON.stringify(counts))
    })
  }

  epilogue() {
    this.failed = this.failures
    if (process.env.DCE_TEST_COUNTS) this.failures = []
    super.epilogue()
  }
}

/** What mocha prints of failures. */
function listed(failures) {
  if (failures.length === 0) return ''
  const { Base } = reporters
  const print = Base.consoleLog
  const lines = []
  Base.consoleLog = (...args) => lines.push(format(...args))
  Base.list(failures)
  Base.consoleLog = print
  return lines.join('\n')
}

module.exports = CountingReporter
