import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createPrivateKey } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CompactSign, compactVerify, importPKCS8, importX509 } from 'jose'
import { RevokedCertificates } from '../../../compliance/stir/revoked-certificates.ts'
import { signCall, signDiversion } from '../../../compliance/stir/sign.ts'
import {
  isFault,
  readCertificates,
  readSigningCertificate,
  TrustedRoots,
} from '../../../compliance/stir/signing-certificate.ts'
import { certificateUrls, judgeIdentities, readIdentities } from '../../../compliance/stir/verify.ts'
import { requireProgram } from '../../support/run-program.ts'
import { makeStirCertificate, makeStirRoot, tnAuthListOf } from '../../support/stir-certificates.ts'
import { CALLEE, CALLER, FRESH_MS, NOW_MS, ORIG_ID, REQUEST, said, signedBy, signer, URL } from './support.ts'

const IAT = Math.floor(NOW_MS / 1000)

describe('PASSporTs and another’s implementation of JWS (jose)', () => {
  it('that it has signed pass here', async () => {
    const pkcs8 = signer.key.export({ type: 'pkcs8', format: 'pem' }).toString()
    const claims = { attest: 'C', dest: { tn: [CALLEE] }, iat: IAT, orig: { tn: CALLER }, origid: ORIG_ID }
    const token = await new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
      .setProtectedHeader({ alg: 'ES256', ppt: 'shaken', typ: 'passport', x5u: URL })
      .sign(await importPKCS8(pkcs8, 'ES256'))
    assert.equal(said([`${token};info=<${URL}>;alg=ES256;ppt="shaken"`]), 'passed C')
  })

  it('that we have signed pass there, with their claims in order and without space (RFC 8225 §9)', async () => {
    const key = await importX509(signer.pem, 'ES256')
    const shaken = await compactVerify(signedBy(signer).split(';')[0]!, key)
    assert.equal(
      new TextDecoder().decode(shaken.payload),
      `{"attest":"A","dest":{"tn":["${CALLEE}"]},"iat":${IAT},"orig":{"tn":"${CALLER}"},"origid":"${ORIG_ID}"}`,
    )
    assert.deepEqual(Object.entries(shaken.protectedHeader), [
      ['alg', 'ES256'],
      ['ppt', 'shaken'],
      ['typ', 'passport'],
      ['x5u', URL],
    ])
    const last = { orig: { tn: CALLER }, iat: IAT }
    const to = { uri: 'sip:agents@buyer.example' }
    const header = signDiversion({ key: signer.key, certificateUrl: URL }, last, { tn: CALLEE }, to)
    const div = await compactVerify(header.split(';')[0]!, key)
    assert.equal(
      new TextDecoder().decode(div.payload),
      `{"dest":{"uri":["sip:agents@buyer.example"]},"div":{"tn":"${CALLEE}"},"iat":${IAT},"orig":{"tn":"${CALLER}"}}`,
    )
    assert.match(header, /;info=<https:\/\/certs\.example\/709j\.pem>;alg=ES256;ppt=div$/)
  })
})

const CONFIG = `
[req]
distinguished_name = name
prompt = no
[name]
CN = SHAKEN 4242
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
[leaf]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
1.3.6.1.5.5.7.1.26 = ASN1:SEQUENCE:who
[who]
code = EXPLICIT:0,IA5STRING:4242
range = EXPLICIT:1,SEQUENCE:range
one = EXPLICIT:2,IA5STRING:18005550100
[range]
first = IA5STRING:12155550100
count = INTEGER:50
[ca]
default_ca = list
[list]
database = index.txt
default_md = sha256
default_crl_days = 2
`

describe('certificates and another’s implementation of X.509 (openssl)', function () {
  this.timeout(30_000)
  let folder: string
  const openssl = (...args: string[]): string =>
    execFileSync('openssl', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8')

  before(function () {
    requireProgram(this, 'openssl')
    folder = mkdtempSync(join(tmpdir(), 'stir-'))
    writeFileSync(join(folder, 'openssl.cnf'), CONFIG)
    writeFileSync(join(folder, 'index.txt'), '')
    for (const name of ['root', 'leaf'])
      openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', `${name}.key`)
    const ofConfig = ['-config', 'openssl.cnf']
    openssl(
      'req',
      '-new',
      '-x509',
      '-key',
      'root.key',
      '-subj',
      '/CN=Root',
      '-days',
      '2',
      '-out',
      'root.pem',
      ...ofConfig,
      '-extensions',
      'root',
    )
    openssl('req', '-new', '-key', 'leaf.key', '-out', 'leaf.csr', ...ofConfig)
    const issue = ['-CA', 'root.pem', '-CAkey', 'root.key', '-set_serial', '4660', '-days', '2']
    openssl(
      'x509',
      '-req',
      '-in',
      'leaf.csr',
      ...issue,
      '-extfile',
      'openssl.cnf',
      '-extensions',
      'leaf',
      '-out',
      'leaf.pem',
    )
  })
  after(() => folder && rmSync(folder, { recursive: true, force: true }))

  it('that it has made are read here, TNAuthList and all, and what its key signs by their command passes', () => {
    const roots = new TrustedRoots(readCertificates(read('root.pem')))
    const found = readSigningCertificate(read('leaf.pem'), roots)
    assert.ok(!isFault(found), JSON.stringify(found))
    assert.deepEqual(found.tnAuthList, {
      codes: ['4242'],
      ranges: [
        { first: '12155550100', count: 50 },
        { first: '18005550100', count: 1 },
      ],
    })
    const header = { alg: 'ES256', ppt: 'shaken', typ: 'passport', x5u: URL }
    const claims = { attest: 'A', dest: { tn: [CALLEE] }, iat: IAT, orig: { tn: CALLER }, origid: ORIG_ID }
    const signed = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
    writeFileSync(join(folder, 'signed'), signed)
    openssl('dgst', '-sha256', '-sign', 'leaf.key', '-out', 'mark.der', 'signed')
    const mark = rawOf(readFileSync(join(folder, 'mark.der')))
    const identities = readIdentities(
      [`${signed}.${mark.toString('base64url')};info=<${URL}>;alg=ES256;ppt=shaken`],
      REQUEST,
      FRESH_MS,
    )
    assert.deepEqual(certificateUrls(identities), [URL])
    const { result } = judgeIdentities(identities, () => found, Date.now(), null)
    assert.deepEqual([result.verdict, result.attestation, result.signer], ['passed', 'A', '4242'])
  })

  it('that we sign with are verified by its command', () => {
    const key = createPrivateKey(read('leaf.key'))
    const call = { caller: CALLER, callee: { tn: CALLEE }, attestation: 'B' as const, origId: ORIG_ID, nowMs: NOW_MS }
    const [head, body, mark] = signCall({ key, certificateUrl: URL }, call).split(';')[0]!.split('.') as [
      string,
      string,
      string,
    ]
    writeFileSync(join(folder, 'ours'), `${head}.${body}`)
    writeFileSync(join(folder, 'ours.der'), derOf(Buffer.from(mark, 'base64url')))
    openssl('x509', '-in', 'leaf.pem', '-pubkey', '-noout', '-out', 'leaf.pub')
    assert.match(openssl('dgst', '-sha256', '-verify', 'leaf.pub', '-signature', 'ours.der', 'ours'), /Verified OK/)
  })

  it('that the tests make by hand are such to it', () => {
    const root = makeStirRoot()
    const leaf = makeStirCertificate({ issuer: root, tnAuthList: tnAuthListOf({ codes: ['709J'] }) })
    writeFileSync(join(folder, 'hand-root.pem'), root.pem)
    writeFileSync(join(folder, 'hand.pem'), leaf.pem)
    assert.match(openssl('verify', '-CAfile', 'hand-root.pem', 'hand.pem'), /hand\.pem: OK/)
  })

  it('that it has taken back fail: 437', () => {
    openssl('ca', '-config', 'openssl.cnf', '-cert', 'root.pem', '-keyfile', 'root.key', '-gencrl', '-out', 'empty.crl')
    openssl('ca', '-config', 'openssl.cnf', '-cert', 'root.pem', '-keyfile', 'root.key', '-revoke', 'leaf.pem')
    openssl('ca', '-config', 'openssl.cnf', '-cert', 'root.pem', '-keyfile', 'root.key', '-gencrl', '-out', 'full.crl')
    const signers = readCertificates(read('root.pem'))
    const [leaf] = readCertificates(read('leaf.pem'))
    assert.equal(new RevokedCertificates(read('empty.crl'), signers).has(leaf!), false)
    const revoked = new RevokedCertificates(read('full.crl'), signers)
    assert.deepEqual([revoked.size, revoked.has(leaf!), revoked.has(signers[0]!)], [1, true, false])
  })
})

/** ECDSA-Sig-Value of RFC 3279 §2.2.3 as the two numbers of 32 bytes that JWS has, and back. */
function rawOf(der: Buffer): Buffer {
  const first = der.subarray(4, 4 + der[3]!)
  const second = der.subarray(6 + der[3]!)
  return Buffer.concat([first, second].map((each) => Buffer.concat([Buffer.alloc(32), each]).subarray(-32)))
}

function derOf(raw: Buffer): Buffer {
  const [first, second] = [raw.subarray(0, 32), raw.subarray(32)].map((each) => {
    const from = each.findIndex((byte) => byte !== 0)
    const digits = each[from]! & 0x80 ? Buffer.concat([Buffer.of(0), each.subarray(from)]) : each.subarray(from)
    return Buffer.concat([Buffer.of(2, digits.length), digits])
  }) as [Buffer, Buffer]
  return Buffer.concat([Buffer.of(0x30, first.length + second.length), first, second])
}
