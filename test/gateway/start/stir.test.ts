import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLogger } from '../../../config/logger.ts'
import { loadSettings } from '../../../config/settings.ts'
import { createTelemetry } from '../../../config/telemetry.ts'
import { systemClock } from '../../../model/clock.ts'
import { AddressGuard } from '../../../gateway/outgoing/address-guard.ts'
import { createOutgoingIdentity, createVerification } from '../../../gateway/start/stir.ts'
import { makeCrl, makeStirCertificate, makeStirRoot } from '../../support/stir-certificates.ts'

describe('the files of STIR', () => {
  const root = makeStirRoot()
  const signer = makeStirCertificate({ issuer: root })
  const log = createLogger({ level: 'silent' }).logger
  let folder: string
  before(() => (folder = mkdtempSync(join(tmpdir(), 'dce-stir-'))))
  after(() => rmSync(folder, { recursive: true }))

  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  /** By settings without their `telephony.stir.`. */
  const needs = (said: Readonly<Record<string, string>>) => {
    const flags = Object.fromEntries(Object.entries(said).map(([key, value]) => [`telephony.stir.${key}`, value]))
    const telemetry = createTelemetry()
    return {
      settings: loadSettings({ file: null, flags }),
      guard: new AddressGuard(),
      clock: systemClock,
      log,
      telemetry,
    }
  }
  const pemOf = (of: typeof signer): string => of.key.export({ type: 'pkcs8', format: 'pem' }).toString()

  it('are not asked for where nothing is verified or signed', () => {
    assert.equal(createVerification(needs({})), null)
    assert.equal(createOutgoingIdentity(needs({})), null)
  })

  it('make what verifies, with the list of revoked certificates beside it', async () => {
    const said = { policy: 'verify', roots: file('roots.pem', root.pem), revoked: file('crl.pem', makeCrl(root, [])) }
    const verification = createVerification(needs(said))!
    assert.equal(verification.evidence.length, 1)
    await verification.start()
    await verification.close()
  })

  it('make what signs', () => {
    const said = { key: file('key.pem', pemOf(signer)), certificate_url: 'https://exchange.example/stir.pem' }
    assert.ok(createOutgoingIdentity(needs(said)))
  })

  it('that cannot be used stop the start, and the setting is named', () => {
    const roots = file('roots.pem', root.pem)
    const key = file('key.pem', pemOf(signer))
    const url = 'https://exchange.example/stir.pem'
    const large = makeStirCertificate({ issuer: root, curve: 'P-384' })
    for (const [setting, said] of [
      ['roots', { policy: 'verify' }],
      ['roots', { policy: 'enforce', roots: join(folder, 'nothing.pem') }],
      ['roots', { policy: 'enforce', roots: file('empty.pem', '') }],
      ['roots', { policy: 'enforce', roots: file('leaf.pem', signer.pem) }],
      ['revoked', { policy: 'verify', roots, revoked: file('bad.pem', root.pem) }],
      ['revoked', { policy: 'verify', roots, revoked: file('other.pem', makeCrl(makeStirRoot(), [])) }],
      ['key', { certificate_url: url }],
      ['key', { key: file('not-a.key', signer.pem), certificate_url: url }],
      ['key', { key: file('large.key', pemOf(large)), certificate_url: url }],
      ['certificate_url', { key }],
      ['certificate_url', { key, certificate_url: 'http://exchange.example/stir.pem' }],
      ['certificate_url', { key, certificate_url: 'https://exchange.example/stir.pem?x' }],
    ] as const)
      assert.throws(
        () => [createVerification(needs(said)), createOutgoingIdentity(needs(said))],
        { name: 'SettingsError', key: `telephony.stir.${setting}` },
        JSON.stringify(said),
      )
  })
})
