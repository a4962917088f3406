// mocha's own spec reporter, which also leaves its counts, and what did not pass at once, where test/run-all.js finds them.
const { writeFileSync } = require('node:fs')
const { reporters } = require('mocha')

class CountingReporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options)
    /** @type {Map<string, string>} */
    const retried = new Map()
    runner.on('retry', (test, error) => retried.set(test.fullTitle(), String(error?.message ?? error)))
    runner.on('fail', (test) => retried.delete(test.fullTitle()))
    runner.once('end', () => {
      const { passes, failures, pending } = this.stats
      if (process.env.DCE_TEST_COUNTS) {
        const counts = { passes, failures, pending, retried: [...retried] }
        writeFileSync(process.env.DCE_TEST_COUNTS, JSON.stringify(counts))
      }
    })
  }
}

module.exports = CountingReporter
