import assert from 'node:assert/strict'
import { createTelemetry, SPOOL_STATES } from '../../config/telemetry.ts'

describe('telemetry', () => {
  it('renders every metric under dce_, with a help text', async () => {
    const telemetry = createTelemetry()
    after(() => telemetry.close())
    const page = await telemetry.render()
    const names = [...page.matchAll(/^# HELP (\S+) (.+)$/gm)].map((match) => match[1]!)
    assert.ok(names.length > 30)
    for (const name of names) assert.match(name, /^dce_[a-z_]+$/)
    assert.match(telemetry.contentType, /^text\/plain/)
  })

  it('counts, measures and sets what it is told, and looks again before each page', async () => {
    const telemetry = createTelemetry()
    after(() => telemetry.close())
    let calls = 7
    telemetry.beforeRender(() => telemetry.activeCalls.set(calls))
    telemetry.calls.inc({ outcome: 'answered' })
    telemetry.refusals.inc({ reason: 'compliance' }, 2)
    telemetry.addedPdd.observe(0.0021)
    telemetry.spoolState.set(SPOOL_STATES.full)
    const page = await telemetry.render()
    assert.match(page, /^dce_calls_total\{outcome="answered"\} 1$/m)
    assert.match(page, /^dce_refusals_total\{reason="compliance"\} 2$/m)
    assert.match(page, /^dce_added_pdd_seconds_bucket\{le="0\.002"\} 0$/m)
    assert.match(page, /^dce_added_pdd_seconds_bucket\{le="0\.0025"\} 1$/m)
    assert.match(page, /^dce_spool_state 2$/m)
    assert.match(page, /^dce_active_calls 7$/m)
    calls = 8
    assert.match(await telemetry.render(), /^dce_active_calls 8$/m)
  })

  it('keeps two exchanges in one process apart', async () => {
    const one = createTelemetry()
    const other = createTelemetry()
    after(() => (one.close(), other.close()))
    one.calls.inc({ outcome: 'busy' })
    assert.doesNotMatch(await other.render(), /busy/)
  })
})
