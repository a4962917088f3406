import assert from 'node:assert/strict'
import type { LoadReport } from '../../../sipp/load/driver.ts'
import { renderPage } from '../../../sipp/load/html.ts'
import { printReport } from '../../../sipp/load/report.ts'

const REPORT: LoadReport = {
  options: { cps: 10, seconds: 2, rampSeconds: 4, talkMs: 100, media: false, html: null, target: null },
  offered: 20,
  answered: 18,
  failed: 2,
  failures: { '503': 2, '<script>': 0 },
  addedPdd: {
    p50: 1.234,
    p95: 12.34,
    p99: 123.4,
    buckets: [
      { le: 0.001, count: 5 },
      { le: Infinity, count: 20 },
    ],
  },
  setup: { p50: Number.NaN, p95: Number.NaN, p99: Number.NaN },
  retransmissions: 0,
  timeline: [
    { second: 1, offered: 10, up: 1 },
    { second: 2, offered: 10, up: 0 },
  ],
  audio: { sent: 1000, received: 990, lost: 10, jitterMs: 0.5, latency: { p50: 0.1, p95: 0.4, p99: 1 }, mos: 4.3 },
  cpuPerCallUs: 456,
  ownCpuPerCallUs: 150.4,
  residentBytes: 200 * 1024 ** 2,
  balanceSum: -5n,
}

describe('the report of a load run', () => {
  it('says what was offered, answered and why the rest failed', () => {
    const table = printReport(REPORT).join('\n')
    assert.match(table, /^offered +20$/m)
    assert.match(table, /^answered +18$/m)
    assert.match(table, /^failed +2 \(503: 2/m)
    assert.match(table, /p50 1\.23 ms, p95 12\.3 ms, p99 123 ms/)
    assert.match(table, /p50 – ms/)
    assert.match(table, /RTP loss +10 \(1\.000 %\)/)
    assert.match(table, /-5 micros: IT DOES NOT/)
    assert.match(table, /^CPU of SIPp a call +150 µs/m)
    assert.doesNotMatch(printReport({ ...REPORT, ownCpuPerCallUs: null }).join('\n'), /CPU of SIPp/)
  })

  it('is a page that needs nothing else and runs nothing', () => {
    const page = renderPage(REPORT, new Date('2026-11-21T12:00:00Z'))
    assert.doesNotMatch(page, /<script|<link|src=|href=|https?:/)
    assert.match(page, /&lt;script&gt;/)
    assert.match(page, /<svg/)
  })
})
