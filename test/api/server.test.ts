import assert from 'node:assert/strict'
import { connect } from 'node:net'
import type { HealthCheck } from '../../api/needs.ts'
import { createApi } from '../../api/server.ts'
import { startApi } from '../support/api-harness.ts'

describe('the API server', () => {
  it('names the port it cannot have', async () => {
    const first = await startApi()
    try {
      const second = await createApi({ ...first.options, settings: { ...first.options.settings, port: first.port } })
      await assert.rejects(second.listen(), {
        message: new RegExp(`HTTP port ${first.port} on 127\\.0\\.0\\.1 is in use by another process`),
      })
      await second.close()
    } finally {
      await first.api.close()
    }
  })

  it('finishes what is under way before it closes', async () => {
    const started = Promise.withResolvers<void>()
    const release = Promise.withResolvers<readonly HealthCheck[]>()
    const api = await startApi({
      health: {
        ready: () => true,
        checks() {
          started.resolve()
          return release.promise
        },
      },
    })
    const answer = api.request('GET', '/health')
    await started.promise
    const closed = api.api.close()
    release.resolve([{ name: 'database', status: 'up' }])
    assert.equal((await answer).status, 200)
    await closed
    await assert.rejects(api.request('GET', '/health'))
  })

  it('does not wait for clients that hold an idle connection', async () => {
    const api = await startApi()
    const socket = connect(api.port, '127.0.0.1')
    await new Promise((resolve) => socket.once('connect', resolve))
    socket.on('error', () => undefined)
    await api.api.close()
    socket.destroy()
  })

  it('does not wait longer than it may for one that is under way', async () => {
    const started = Promise.withResolvers<void>()
    const api = await startApi({
      timeouts: { closeMs: 50 },
      health: {
        ready: () => true,
        checks() {
          started.resolve()
          return new Promise(() => undefined)
        },
      },
    })
    const answer = api.request('GET', '/health')
    await started.promise
    await Promise.all([api.api.close(), assert.rejects(answer)])
  })

  for (const [what, timeouts, text] of [
    ['headers', { headersMs: 100, requestMs: 60_000 }, 'GET /health HTTP/1.1\r\nHost: x\r\n'],
    [
      'body',
      { headersMs: 100, requestMs: 200 },
      'POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
    ],
  ] as const)
    it(`gives up a request whose ${what} never end`, async () => {
      const api = await startApi({ timeouts })
      const socket = connect(api.port, '127.0.0.1', () => socket.write(text))
      socket.on('error', () => undefined)
      let heard = ''
      socket.on('data', (chunk) => (heard += String(chunk)))
      await new Promise((resolve) => socket.once('close', resolve))
      assert.match(heard, /^HTTP\/1\.1 408 Request Timeout\r\n[^]*did not arrive in time/)
      await api.api.close()
    })

  it('says how each part is, whether it lives and whether it is ready', async () => {
    let checks: HealthCheck[] = [{ name: 'database', status: 'up' }]
    let ready = false
    let asked = 0
    const health = {
      ready: () => ready,
      async checks() {
        asked++
        return checks
      },
    }
    const api = await startApi({ health })
    try {
      const well = await api.request('GET', '/health')
      assert.deepEqual([well.status, well.body.status, well.body.version], [200, 'up', '0.0.0-test'])
      assert.deepEqual(well.body.checks, checks)
      assert.equal(typeof well.body.uptime, 'number')
      await Promise.all(Array.from({ length: 20 }, () => api.request('GET', '/health')))
      assert.ok(asked <= 2, 'a second of asking is one check')
      checks = [{ name: 'database', status: 'degraded', detail: 'spooling' }]
      api.clock.advance(1001)
      const poorly = await api.request('GET', '/health')
      assert.deepEqual([poorly.status, poorly.body.status], [200, 'degraded'])
      checks = [{ name: 'database', status: 'down' }]
      api.clock.advance(1001)
      assert.equal((await api.request('GET', '/health')).status, 503)
      assert.equal((await api.request('GET', '/health/live')).status, 200)
      assert.equal((await api.request('GET', '/health/ready')).status, 503)
      ready = true
      assert.equal((await api.request('GET', '/health/ready')).status, 200)
    } finally {
      await api.api.close()
    }
  })

  it('serves the console, Swagger UI and metrics, each under its own policy', async () => {
    const api = await startApi()
    try {
      for (const [path, type] of [
        ['/', 'text/html'],
        ['/console/app.js', 'text/javascript'],
        ['/console/style.css', 'text/css'],
        ['/swagger', 'text/html'],
        ['/swagger/', 'text/html'],
        ['/swagger/swagger-ui-bundle.js', 'text/javascript'],
        ['/swagger/swagger-ui.css', 'text/css'],
      ]) {
        const page = await api.request('GET', path!)
        assert.equal(page.status, 200, path)
        assert.ok(page.headers.get('content-type')?.startsWith(type!), path)
        assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'; script-src 'self'/)
        const again = await api.request('GET', path!, { headers: { 'if-none-match': page.headers.get('etag')! } })
        assert.equal(again.status, 304, path)
      }
      const console = await api.request('GET', '/')
      assert.doesNotMatch(console.headers.get('content-security-policy')!, /unsafe/)
      assert.doesNotMatch(console.body, /https?:\/\/|<script>|style=/)
      const metrics = await api.request('GET', '/metrics')
      assert.deepEqual([metrics.status, metrics.body], [200, 'dce_up 1\n'])
      for (const path of ['/console/../server.ts', '/console/%2e%2e/server.ts', '/swagger/package.json']) {
        assert.equal((await api.request('GET', path)).status, 404, path)
      }
    } finally {
      await api.api.close()
    }
  })
})
