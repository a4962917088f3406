import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadCertificates, watchCertificates } from '../../../gateway/start/certificates.ts'
import type { CertificateOptions } from '../../../gateway/start/certificates.ts'
import { makeAuthority, makeCertificate } from '../../support/certificates.ts'
import { eventually } from '../../support/sip-server.ts'

const DAY_MS = 86_400_000

describe('the certificate of SIP over TLS', () => {
  let folder: string
  let own: CertificateOptions
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'dce-certificates-'))
    own = {
      cert: null,
      key: null,
      ca: null,
      directory: join(folder, 'keys'),
      addresses: ['203.0.113.9', '2001:db8::9'],
    }
  })
  afterEach(() => rmSync(folder, { recursive: true }))
  const fileOf = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }

  it('is made at the first start, for every name we have, and kept where only the owner reads', async () => {
    const made = await loadCertificates(own)
    const certificate = new X509Certificate(made.cert)
    for (const address of ['203.0.113.9', '2001:db8::9', '127.0.0.1', '::1'])
      assert.equal(certificate.checkIP(address), address)
    assert.equal(certificate.checkHost('localhost'), 'localhost')
    for (const file of ['sip-cert.pem', 'sip-key.pem'])
      assert.equal(statSync(join(own.directory, file)).mode & 0o777, 0o600)
    assert.deepEqual(await loadCertificates(own), made, 'the next start has it still')
  })

  it('is made anew before it expires, when our address is another, and when its file is broken', async () => {
    const made = await loadCertificates(own)
    assert.equal((await loadCertificates(own, Date.now() + 300 * DAY_MS)).cert, made.cert)
    const renewed = await loadCertificates(own, Date.now() + 340 * DAY_MS)
    assert.notEqual(renewed.cert, made.cert)
    const moved = await loadCertificates({ ...own, addresses: ['198.51.100.7'] })
    assert.equal(new X509Certificate(moved.cert).checkIP('198.51.100.7'), '198.51.100.7')
    writeFileSync(join(own.directory, 'sip-cert.pem'), moved.cert.slice(0, 100))
    assert.match((await loadCertificates(own)).cert, /END CERTIFICATE/)
  })

  it('is the configured one, with its authorities', async () => {
    const authority = await makeAuthority()
    const { cert, key } = await makeCertificate(['sip.example.com'], authority)
    const files = { cert: fileOf('c.pem', cert), key: fileOf('k.pem', key), ca: fileOf('ca.pem', authority.cert) }
    assert.deepEqual(await loadCertificates({ ...own, ...files }), { cert, key, ca: authority.cert })
  })

  it('stops the start with a sentence that names the setting', async () => {
    const good = await makeCertificate(['sip.example.com'])
    const other = await makeCertificate(['sip.example.com'])
    const past = await makeCertificate(['sip.example.com'], null, -3)
    const cert = fileOf('c.pem', good.cert)
    const key = fileOf('k.pem', good.key)
    const none = join(folder, 'none.pem')
    const cases: [Partial<CertificateOptions>, RegExp][] = [
      [{ cert }, /^telephony\.tls_key: a certificate and its key are set together/],
      [{ key }, /^telephony\.tls_cert: a certificate and its key are set together/],
      [{ cert: none, key }, /^telephony\.tls_cert: .*none\.pem cannot be read \(ENOENT\)$/],
      [{ cert: key, key }, /^telephony\.tls_cert: .*k\.pem holds no certificate in PEM$/],
      [{ cert, key: cert }, /^telephony\.tls_key: .*c\.pem holds no unencrypted private key/],
      [{ cert, key: fileOf('o.pem', other.key) }, /^telephony\.tls_key: .*o\.pem is not the key of .*c\.pem$/],
      [
        { cert: fileOf('p.pem', past.cert), key: fileOf('pk.pem', past.key) },
        /^telephony\.tls_cert: .*p\.pem expired on/,
      ],
      [{ ca: key }, /^telephony\.tls_ca: .*k\.pem holds no certificate in PEM$/],
      [{ ca: none }, /^telephony\.tls_ca: .*none\.pem cannot be read/],
    ]
    for (const [options, message] of cases) await assert.rejects(loadCertificates({ ...own, ...options }), { message })
  })

  it('is loaded again on SIGHUP; one that cannot be used is reported, and is not', async () => {
    const first = await makeCertificate(['a.example.com'])
    const second = await makeCertificate(['b.example.com'])
    const options = { ...own, cert: fileOf('c.pem', first.cert), key: fileOf('k.pem', first.key) }
    const used: string[] = []
    const errors: unknown[] = []
    const stop = watchCertificates(
      options,
      first,
      async ({ cert }) => void used.push(cert),
      (error) => errors.push(error),
    )
    try {
      fileOf('k.pem', second.key)
      process.emit('SIGHUP', 'SIGHUP')
      await eventually(() => errors.length > 0)
      assert.deepEqual(used, [])
      fileOf('c.pem', second.cert)
      process.emit('SIGHUP', 'SIGHUP')
      await eventually(() => used.length > 0)
      assert.deepEqual(used, [readFileSync(options.cert, 'utf8')])
    } finally {
      stop()
    }
    assert.equal(process.listenerCount('SIGHUP'), 0)
  })
})
