import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { findFreePort } from '../../../sipp/free-port.ts'
import { RawApplication } from '../../support/sip-server.ts'
import { SipPeer } from '../../support/sip-peer.ts'

const ROOT = join(import.meta.dirname, '../../..')

describe('dce sip-server', function () {
  this.timeout(90_000)
  const children: ChildProcess[] = []
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL')
  })

  function start(env: Readonly<Record<string, string>>): ChildProcess {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', 'gateway/dce.js', 'sip-server'], {
      cwd: ROOT,
      env: {
        PATH: process.env['PATH'],
        DCE_TELEPHONY_HOST: '127.0.0.1',
        DCE_TELEPHONY_SIP_PORT: '0',
        DCE_TELEPHONY_TLS_PORT: 'off',
        DCE_TELEPHONY_WS_PORT: 'off',
        DCE_TELEPHONY_WSS_PORT: 'off',
        DCE_TELEPHONY_CONTROL_PORT: '0',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    children.push(child)
    return child
  }

  /** What it says until it is ready, or has ended. */
  async function said(child: ChildProcess): Promise<string> {
    let text = ''
    const { promise, resolve } = Promise.withResolvers<void>()
    for (const stream of [child.stdout!, child.stderr!])
      stream.on('data', (chunk: Buffer) => {
        text += chunk.toString()
        if (text.includes('"msg":"ready"')) resolve()
      })
    child.once('close', () => resolve())
    await promise
    return text
  }

  it('runs the SIP server by itself: applications come and calls reach them; SIGTERM ends it', async () => {
    const child = start({ DCE_DRACHTIO_SECRET: 'shared' })
    const text = await said(child)
    const line = text.split('\n').find((each) => each.includes('"msg":"ready"'))!
    const port = Number(/"control":\{"host":"127\.0\.0\.1","port":(\d+)/.exec(line)![1])
    const sipPort = Number(/"transport":"udp"[^}]*"port":(\d+)/.exec(line)![1])
    const app = await RawApplication.connect(port)
    assert.equal((await app.ask('authenticate|shared'))[0], 'OK')
    await app.ask('route|options')
    const peer = await SipPeer.open('udp', { host: '127.0.0.1', port: sipPort })
    peer.request('OPTIONS')
    const { tokens } = await app.shown('OPTIONS')
    await app.ask(`sip|${tokens[8]}|\r\nSIP/2.0 200 OK\r\n\r\n`)
    await peer.receive(200)
    await peer.close()
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    assert.equal((await exited)[0], 0)
    await app.closed()
  })

  it('lets applications connect over TLS, with a certificate of its own making', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'dce-sip-server-'))
    const tlsPort = await findFreePort('127.0.0.1')
    const env = { DCE_DATA_DIR: directory, DCE_TELEPHONY_CONTROL_TLS_PORT: String(tlsPort) }
    await said(start({ DCE_DRACHTIO_SECRET: 'shared', ...env }))
    const socket = connect({ host: '127.0.0.1', port: tlsPort, rejectUnauthorized: false })
    socket.write('22#m1|authenticate|shared')
    const [chunk] = (await once(socket, 'data')) as [Buffer]
    assert.match(chunk.toString(), /\|response\|m1\|OK\|/)
    socket.destroy()
    await rm(directory, { recursive: true, force: true })
  })

  it('wants a secret, and handlers it can read', async () => {
    assert.match(await said(start({})), /drachtio\.secret must be set/)
    const env = { DCE_DRACHTIO_SECRET: 'shared', DCE_TELEPHONY_REQUEST_HANDLERS: 'INVITE ftp://x' }
    assert.match(await said(start(env)), /telephony\.request_handlers: .*no http, https, tcp or tls URL/)
  })
})
