import assert from 'node:assert/strict'
import { createRateLimit } from '../../api/rate-limit.ts'
import { createTestClock } from '../support/api-harness.ts'

describe('the rate limit', () => {
  it('counts an IPv6 network as one source, and IPv4 as it is', () => {
    const limit = createRateLimit(1, createTestClock())
    limit('a', '2001:db8:1:2:aaaa::1')
    assert.throws(() => limit('a', '2001:db8:1:2:bbbb::9'), { code: 'too_many_requests' })
    limit('a', '2001:db8:1:3::1')
    limit('a', '192.0.2.1')
    assert.throws(() => limit('a', '::ffff:192.0.2.1'), { code: 'too_many_requests' })
    limit('a', '192.0.2.2')
    limit('b', '192.0.2.1')
  })
})
