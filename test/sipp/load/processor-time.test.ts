import assert from 'node:assert/strict'
import { processorTimeUs } from '../../../sipp/load/processor-time.ts'

describe('the time that processes take of the processors', () => {
  it('grows with what they do, all their threads together', function () {
    if (process.platform !== 'linux') this.skip()
    const before = processorTimeUs([process.pid])!
    const { user, system } = process.cpuUsage()
    while (process.cpuUsage().user - user < 50_000);
    const spent = process.cpuUsage()
    const taken = processorTimeUs([process.pid])! - before
    assert.ok(taken > (spent.user - user + spent.system - system) / 2, `${taken}`)
    const twice = processorTimeUs([process.pid, process.pid])!
    assert.ok(twice >= 2 * taken, `${twice}`)
  })

  it('is not known of one that is gone', () => {
    assert.equal(processorTimeUs([process.pid, 2 ** 22 + 1]), null)
  })
})
