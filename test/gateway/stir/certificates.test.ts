import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { readSigningCertificate, TrustedRoots } from '../../../compliance/stir/signing-certificate.ts'
import { AddressGuard } from '../../../gateway/outgoing/address-guard.ts'
import { HttpClient } from '../../../gateway/outgoing/http-client.ts'
import { Certificates, MAX_UNDER_WAY } from '../../../gateway/stir/certificates.ts'
import { makeAuthority, makeCertificate } from '../../support/certificates.ts'
import { makeStirCertificate, makeStirRoot } from '../../support/stir-certificates.ts'

const root = makeStirRoot()
const signer = makeStirCertificate({ issuer: root })
const URL = 'https://certs.example/709j.pem'

/** A repository that a test answers for. */
class Repository {
  nowMs = 0
  readonly asked: string[] = []
  readonly ended: string[] = []
  answer: (url: string) => Promise<string> = () => Promise.resolve(signer.pem)
  readonly certificates: Certificates

  constructor(maxKept = 100) {
    this.certificates = new Certificates(new TrustedRoots([root.x509]), {
      limits: { ttlMs: 1000, failureTtlMs: 100, maxKept, ports: [443, 8443] },
      now: () => this.nowMs,
      fetch: (url) => {
        this.asked.push(url)
        return this.answer(url)
      },
      onFetched: (result) => this.ended.push(result),
    })
  }

  /** `709J`, or the status with which its calls fail. */
  async said(url = URL): Promise<string> {
    const found = await this.certificates.find(url)
    return 'status' in found ? `${found.status} ${found.detail}` : found.signer
  }
}

describe('certificates of those who sign', () => {
  it('are fetched once for all calls that wait, and known at once after that', async () => {
    const repository = new Repository()
    assert.deepEqual(await Promise.all([1, 2, 3].map(() => repository.said())), ['709J', '709J', '709J'])
    assert.deepEqual(repository.asked, [URL])
    const known = repository.certificates.find(URL)
    assert.ok(!(known instanceof Promise), 'it is known without waiting')
    assert.equal(await repository.said(), '709J')
    assert.deepEqual(repository.asked, [URL])
  })

  it('are fetched anew after their time, and used on while that fails', async () => {
    const repository = new Repository()
    await repository.said()
    repository.nowMs = 1001
    repository.answer = () => Promise.reject(new Error('away'))
    assert.equal(await repository.said(), '709J')
    assert.equal(await repository.said(), '709J')
    assert.equal(repository.asked.length, 2, 'not asked again at once')
    repository.nowMs = 1102
    repository.answer = () => Promise.resolve('something else')
    assert.equal(await repository.said(), '436 its URL answered no certificate', 'it was taken away')
  })

  it('that are not there are not asked for again for a while', async () => {
    const repository = new Repository()
    repository.answer = () => Promise.reject(new Error('away'))
    assert.equal(await repository.said(), '436 away')
    assert.equal(await repository.said(), '436 away')
    assert.equal(repository.asked.length, 1)
    repository.nowMs = 101
    repository.answer = () => Promise.resolve(signer.pem)
    assert.equal(await repository.said(), '709J')
    assert.deepEqual(repository.ended, ['failed', 'fetched'])
  })

  it('are as many as the limit, and those fetched at a time as well', async () => {
    const repository = new Repository(2)
    for (const name of ['a', 'b', 'a', 'c', 'a', 'b']) await repository.said(`https://certs.example/${name}.pem`)
    assert.equal(repository.certificates.size, 2)
    assert.deepEqual(
      repository.asked.map((url) => url.at(-5)),
      ['a', 'b', 'c', 'b'],
      'the one not used for longest is forgotten',
    )

    const crowded = new Repository()
    const waiting: (() => void)[] = []
    crowded.answer = () => new Promise((resolve) => waiting.push(() => resolve(signer.pem)))
    const many = Array.from({ length: MAX_UNDER_WAY }, (_, i) => crowded.said(`https://certs.example/${i}.pem`))
    assert.equal(await crowded.said('https://certs.example/more.pem'), '436 too many certificates are being fetched')
    assert.deepEqual(crowded.ended, ['full'])
    for (const answer of waiting) answer()
    assert.deepEqual(new Set(await Promise.all(many)), new Set(['709J']))
    crowded.answer = () => Promise.resolve(signer.pem)
    assert.equal(await crowded.said('https://certs.example/more.pem'), '709J')
  })

  it('are proven anew when the roots change, also those under way', async () => {
    const repository = new Repository()
    await repository.said()
    repository.certificates.trust(new TrustedRoots([makeStirRoot('Another').x509]))
    assert.equal(await repository.said(), '437 its certificate comes from no trusted root')
    let answer = (): void => {}
    repository.answer = () => new Promise((resolve) => (answer = () => resolve(signer.pem)))
    const underWay = repository.said('https://certs.example/2.pem')
    repository.certificates.trust(new TrustedRoots([root.x509]))
    answer()
    await underWay
    assert.equal(repository.certificates.size, 0, 'what was proven by the old ones is not kept')
  })

  it('are asked for by https alone, at its ports, without user, query and fragment', async () => {
    const repository = new Repository()
    for (const url of [
      'http://certs.example/709j.pem',
      'https://certs.example:22/709j.pem',
      'https://certs.example:80/709j.pem',
      'https://user@certs.example/709j.pem',
      'https://user:pass@certs.example/709j.pem',
      'https://certs.example/709j.pem?x=1',
      'https://certs.example/709j.pem?',
      'https://certs.example/709j.pem#a',
      'file:///etc/passwd',
      'ftp://certs.example/709j.pem',
      'gopher://certs.example:443/',
      'certs.example/709j.pem',
      `https://certs.example/${'x'.repeat(1100)}`,
      '',
    ])
      assert.match(await repository.said(url), /^436 its x5u /, url)
    assert.deepEqual(repository.asked, [])
    assert.equal(await repository.said('https://certs.example:8443/709j.pem'), '709J')
  })
})

describe('a certificate’s URL that leads into the house', () => {
  const refused = async (url: string, networks: readonly string[] = []): Promise<string> => {
    const client = new HttpClient(new AddressGuard(networks), { connections: 2, maxAnswerBytes: 65_536 })
    const certificates = new Certificates(new TrustedRoots([root.x509]), {
      limits: { ttlMs: 1000, failureTtlMs: 100, maxKept: 10, ports: [443, 8443, ...ports] },
      now: () => 0,
      async fetch(each) {
        const { status, text } = await client.send({ method: 'GET', url: each, headers: {}, body: null }, 2000)
        if (status !== 200) throw new Error(`answered ${status}`)
        return text
      },
      onFetched: () => {},
    })
    try {
      const found = await certificates.find(url)
      return 'status' in found ? `${found.status} ${found.detail}` : found.signer
    } finally {
      await client.close()
    }
  }
  const ports: number[] = []
  const asked: string[] = []
  let server: Server
  let place: string
  let usual: string[]

  before(async () => {
    const authority = await makeAuthority()
    const { cert, key } = await makeCertificate(['localhost', '127.0.0.1'], authority)
    server = createServer({ cert, key }, (req, res) => {
      asked.push(req.url ?? '')
      if (req.url === '/there.pem') return res.end(signer.pem)
      if (req.url === '/long.pem') return res.end(signer.pem.repeat(200))
      if (req.url === '/never.pem') return
      if (req.url === '/gone.pem') return res.writeHead(404).end('gone')
      return res.writeHead(302, { Location: `${place}/there.pem` }).end()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    ports.push(port)
    place = `https://localhost:${port}`
    usual = getCACertificates('default')
    setDefaultCACertificates([...usual, authority.cert])
  })
  after(async () => {
    setDefaultCACertificates(usual)
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })

  it('is not called, however its address is written', async () => {
    for (const host of [
      `127.0.0.1:${ports[0]}`,
      `localhost:${ports[0]}`,
      `2130706433:${ports[0]}`,
      `0x7f.1:${ports[0]}`,
      '[::1]',
      '[::ffff:127.0.0.1]',
      '[64:ff9b::7f00:1]',
      '10.0.0.1',
      '169.254.169.254',
      '192.168.1.1:8443',
      '0.0.0.0',
      '[fe80::1]',
      '[fd00::1]',
    ])
      assert.match(await refused(`https://${host}/there.pem`), /^436 .* is not called$/, host)
    assert.deepEqual(asked, [])
  })

  it('is not followed there by a redirect, nor waited for, nor read without end', async () => {
    const own = ['127.0.0.0/8', '::1']
    assert.equal(await refused(`${place}/there.pem`, own), '709J')
    asked.length = 0
    assert.equal(await refused(`${place}/elsewhere.pem`, own), '436 answered 302')
    assert.deepEqual(asked, ['/elsewhere.pem'])
    assert.match(await refused(`${place}/long.pem`, own), /^436 /)
    assert.equal(await refused(`${place}/gone.pem`, own), '436 answered 404')
    assert.equal(await refused(`${place}/never.pem`, own), '436 no answer within 2000 ms')
  })

  it('is proven by its own TLS certificate', async () => {
    setDefaultCACertificates(usual)
    assert.match(await refused(`${place}/there.pem`, ['127.0.0.0/8', '::1']), /^436 /)
    assert.ok('key' in readSigningCertificate(signer.pem, new TrustedRoots([root.x509])))
  })
})
