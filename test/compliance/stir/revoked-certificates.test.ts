import assert from 'node:assert/strict'
import { RevokedCertificates } from '../../../compliance/stir/revoked-certificates.ts'
import { makeCrl, makeStirCertificate, makeStirRoot } from '../../support/stir-certificates.ts'
import { root, said, signedBy, signer, URL } from './support.ts'

const serial = signer.x509.serialNumber

describe('certificates taken back (RFC 5280 §5)', () => {
  it('sign no more: 437, whether the signer’s or one between it and its root', () => {
    const revoked = new RevokedCertificates(makeCrl(root, [{ serial }]), [root.x509])
    assert.equal(said([signedBy(signer)], { revoked }), '437')
    const between = makeStirCertificate({ issuer: root, name: 'Between', isAuthority: true, tnAuthList: null })
    const leaf = makeStirCertificate({ issuer: between })
    const list = new RevokedCertificates(makeCrl(root, [{ serial: between.x509.serialNumber }]), [root.x509])
    assert.equal(said([signedBy(leaf)], { revoked: list, published: { [URL]: leaf.pem + between.pem } }), '437')
    assert.equal(said([signedBy(signer)], { revoked: list }), 'passed A')
  })

  it('are those of the issuer that the list names, where it speaks for several', () => {
    const administrator = makeStirRoot('Policy administrator')
    const entries = [{ serial: '77' }, { serial, issuer: root }, { serial: '79' }]
    const revoked = new RevokedCertificates(makeCrl(administrator, entries), [administrator.x509])
    assert.equal(revoked.size, 3)
    assert.equal(said([signedBy(signer)], { revoked }), '437')
    const ofAnother = new RevokedCertificates(makeCrl(administrator, [{ serial }]), [administrator.x509])
    assert.equal(said([signedBy(signer)], { revoked: ofAnother }), 'passed A')
  })

  it('are told of by somebody trusted', () => {
    const crl = makeCrl(root, [{ serial }])
    assert.throws(() => new RevokedCertificates(crl, [makeStirRoot().x509]), /nobody who is trusted/)
    assert.throws(() => new RevokedCertificates('', [root.x509]), /no revocation list/)
    const [begin, ...rest] = crl.split('\n')
    assert.throws(() => new RevokedCertificates([begin, 'AAAA', ...rest].join('\n'), [root.x509]))
  })

  it('are so many at the most', () => {
    const three = makeCrl(root, [{ serial: '01' }, { serial: '02' }, { serial: '03' }])
    assert.equal(new RevokedCertificates(three, [root.x509], 3).size, 3)
    assert.throws(() => new RevokedCertificates(three, [root.x509], 2), /too long/)
  })

  it('are of several lists in one text, of which the first to grow old is known', () => {
    const soon = new Date(1_900_000_000_000)
    const both = makeCrl(root, [{ serial }], new Date(1_950_000_000_000)) + makeCrl(root, [{ serial: '05' }], soon)
    const revoked = new RevokedCertificates(both, [root.x509])
    assert.deepEqual([revoked.size, revoked.nextUpdateMs], [2, soon.getTime()])
  })
})
