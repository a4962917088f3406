import assert from 'node:assert/strict'
import { quantile, quantileOf, readHistogram, readMetric, since } from '../../../sipp/load/histogram.ts'

const PAGE = `# TYPE dce_added_pdd_seconds histogram
dce_added_pdd_seconds_bucket{le="0.001"} 50
dce_added_pdd_seconds_bucket{le="0.01"} 90
dce_added_pdd_seconds_bucket{le="+Inf"} 100
dce_added_pdd_seconds_sum 0.3
dce_calls_total{outcome="answered"} 40
dce_calls_total{outcome="busy"} 2
dce_resident_bytes 1e+6
`

describe('a histogram of the metrics page', () => {
  const buckets = readHistogram(PAGE, 'dce_added_pdd_seconds')

  it('is read in order of its bounds', () => {
    assert.deepEqual(buckets, [
      { le: 0.001, count: 50 },
      { le: 0.01, count: 90 },
      { le: Infinity, count: 100 },
    ])
  })

  it('interpolates a quantile within its bucket', () => {
    assert.equal(quantile(buckets, 0.25), 0.0005)
    assert.ok(Math.abs(quantile(buckets, 0.7) - 0.0055) < 1e-12)
  })

  it('says no more than its last bound beyond it', () => {
    assert.equal(quantile(buckets, 0.99), 0.01)
  })

  it('has no quantile without observations', () => {
    assert.ok(Number.isNaN(quantile([], 0.5)))
    assert.ok(Number.isNaN(quantile(since(buckets, buckets), 0.5)))
  })

  it('tells what came since an earlier reading', () => {
    const earlier = [{ le: 0.001, count: 10 }]
    assert.deepEqual(since(buckets, earlier)[0], { le: 0.001, count: 40 })
  })
})

describe('a metric', () => {
  it('is summed over its labels', () => assert.equal(readMetric(PAGE, 'dce_calls_total'), 42))
  it('is read in scientific notation', () => assert.equal(readMetric(PAGE, 'dce_resident_bytes'), 1_000_000))
  it('is 0 when it is not there', () => assert.equal(readMetric(PAGE, 'dce_nothing'), 0))
})

describe('samples', () => {
  it('have the nearest-rank quantile', () => {
    assert.equal(quantileOf([5, 1, 4, 2, 3], 0.5), 3)
    assert.equal(quantileOf([5, 1, 4, 2, 3], 0.99), 5)
    assert.ok(Number.isNaN(quantileOf([], 0.5)))
  })
})
