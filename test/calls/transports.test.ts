import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { ExchangeProcess } from '../../sipp/exchange-process.ts'
import { makeCertificate } from '../support/certificates.ts'
import { requireEmbeddedSip } from '../support/exchange.ts'
import { SipPeer } from '../support/sip-peer.ts'
import { eventually } from '../support/sip-server.ts'

const ALL_PORTS = {
  DCE_TELEPHONY_HOST: '127.0.0.1, ::1',
  DCE_PUBLIC_ADDRESS: '127.0.0.1',
  DCE_TELEPHONY_TLS_PORT: '0',
  DCE_TELEPHONY_WS_PORT: '0',
  DCE_TELEPHONY_WSS_PORT: '0',
}
const TRANSPORTS = ['udp', 'tcp', 'tls', 'ws', 'wss'] as const

describe('an exchange on every transport', function () {
  this.timeout(90_000)
  let folder: string
  let exchange: ExchangeProcess
  before(async function () {
    folder = mkdtempSync(join(tmpdir(), 'dce-transports-'))
    requireEmbeddedSip(this, 'addresses and certificates to be told')
    const { cert, key } = await makeCertificate(['first.example.com', '127.0.0.1'])
    writeFileSync(join(folder, 'cert.pem'), cert)
    writeFileSync(join(folder, 'key.pem'), key)
  })
  after(() => rmSync(folder, { recursive: true }))
  afterEach(() => exchange.close())

  const start = async (env: Record<string, string> = {}): Promise<void> => {
    exchange = await ExchangeProcess.start({ env: { ...ALL_PORTS, ...env } })
  }
  const nameShown = async (transport: 'tls' | 'wss'): Promise<string> => {
    const { port } = exchange.sip(transport)
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
    await once(socket, 'secureConnect')
    const names = socket.getPeerCertificate().subjectaltname ?? ''
    socket.destroy()
    return names
  }

  it('says where it listens, answers there in both families, and shows a certificate of its own', async () => {
    await start()
    const listening = exchange.listening
    assert.deepEqual(
      listening.map(({ transport, host }) => `${transport} ${host}`),
      TRANSPORTS.flatMap((transport) => [`${transport} 127.0.0.1`, `${transport} ::1`]),
    )
    for (const { transport, host, port } of listening) {
      const found = TRANSPORTS.find((each) => each === transport)!
      const peer = await SipPeer.open(found, { host, port })
      peer.request('OPTIONS')
      await eventually(() => peer.received.some(({ status }) => status >= 200))
      await peer.close()
    }
    for (const transport of ['tls', 'wss'] as const) assert.match(await nameShown(transport), /IP Address:127\.0\.0\.1/)
    const key = join(exchange.dataDirectory, 'keys', 'sip-key.pem')
    assert.equal(statSync(key).mode & 0o777, 0o600)
  })

  it('shows the configured certificate, and the renewed one after SIGHUP', async () => {
    const files = {
      DCE_TELEPHONY_TLS_CERT: join(folder, 'cert.pem'),
      DCE_TELEPHONY_TLS_KEY: join(folder, 'key.pem'),
    }
    await start(files)
    assert.match(await nameShown('tls'), /first\.example\.com/)
    const { cert, key } = await makeCertificate(['second.example.com'])
    writeFileSync(files.DCE_TELEPHONY_TLS_KEY, key)
    writeFileSync(files.DCE_TELEPHONY_TLS_CERT, cert)
    exchange.signal('SIGHUP')
    await eventually(async () => (await nameShown('wss')).includes('second.example.com'))
    assert.match(await nameShown('tls'), /second\.example\.com/)
  })

  it('does not start on a certificate it cannot read or a port that is taken, and says which', async () => {
    const missing = join(folder, 'none.pem')
    await assert.rejects(
      start({ DCE_TELEPHONY_TLS_CERT: missing, DCE_TELEPHONY_TLS_KEY: missing }),
      /telephony\.tls_cert: \S+none\.pem cannot be read \(ENOENT\)/,
    )
    const squatter = createServer().listen(0, '127.0.0.1')
    await once(squatter, 'listening')
    const address = squatter.address()
    assert.ok(address !== null && typeof address === 'object')
    await assert.rejects(
      start({ DCE_TELEPHONY_WSS_PORT: String(address.port) }),
      new RegExp(`SIP over wss on 127\\.0\\.0\\.1 port ${address.port}: the port is already in use`),
    )
    squatter.close()
  })
})
