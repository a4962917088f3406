// mocha's own spec reporter, which also leaves its counts where test/run-all.js finds them.
const { writeFileSync } = require('node:fs')
const { reporters } = require('mocha')

class CountingReporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options)
    runner.once('end', () => {
      const { passes, failures, pending } = this.stats
      if (process.env.DCE_TEST_COUNTS) {
        writeFileSync(process.env.DCE_TEST_COUNTS, JSON.stringify({ passes, failures, pending }))
      }
    })
  }
}

module.exports = CountingReporter
