import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadOrCreate } from '../../api/signing-keys.ts'

describe('signing keys', () => {
  it('are made once, for their owner alone, and kept', () => {
    const dir = mkdtempSync(join(tmpdir(), 'dce-keys-'))
    try {
      const made = loadOrCreate(join(dir, 'keys'))
      assert.match(made.privateKeyPem, /BEGIN PRIVATE KEY/)
      assert.deepEqual(loadOrCreate(join(dir, 'keys')), made)
      assert.equal(statSync(join(dir, 'keys', 'jwt-private.pem')).mode & 0o777, 0o600)
    } finally {
      rmSync(dir, { recursive: true })
    }
  })
})
