import assert from 'node:assert/strict'
import {
  createApiKeySecret,
  hashPassword,
  hashSecret,
  isSameSecret,
  MAX_PASSWORD_LENGTH,
  verifyPassword,
} from '../../accounts/credentials.ts'

describe('a password', () => {
  it('is known by its hash and by nothing else', async () => {
    const hash = await hashPassword('correct horse')
    assert.match(hash, /^scrypt\$32768\$8\$3\$[\w-]{22}\$[\w-]{43}$/)
    assert.equal(await verifyPassword('correct horse', hash), true)
    assert.equal(await verifyPassword('correct horsf', hash), false)
    assert.equal(await verifyPassword('', hash), false)
  })

  it('has another hash each time', async () => {
    assert.notEqual(await hashPassword('same'), await hashPassword('same'))
  })

  it('is the same however its accents were typed', async () => {
    assert.equal(await verifyPassword('cafe\u0301', await hashPassword('caf\u00e9')), true)
  })

  it('is nobody’s when there is no such user, and takes as long', async () => {
    assert.equal(await verifyPassword('', null), false)
    const started = performance.now()
    await verifyPassword('correct horse', null)
    assert.ok(performance.now() - started > 5) // It did hash.
  })

  it('is at most so long', async () => {
    const long = 'x'.repeat(MAX_PASSWORD_LENGTH + 1)
    await assert.rejects(hashPassword(long), RangeError)
    assert.equal(await verifyPassword(long, null), false)
    await hashPassword('x'.repeat(MAX_PASSWORD_LENGTH))
  })

  it('does not match a hash that cannot be read or asks for too much', async () => {
    const salt = 'A'.repeat(22)
    const key = 'A'.repeat(43)
    const bad = [
      '',
      'plain',
      'scrypt$',
      `bcrypt$1$1$1$${salt}$${key}`,
      `scrypt$3$8$1$${salt}$${key}`,
      `scrypt$1048576$8$1$${salt}$${key}`,
    ]
    for (const hash of bad) assert.equal(await verifyPassword('x', hash), false, hash)
  })
})

describe('an API key', () => {
  it('is random, recognisable and known by its hash', () => {
    const one = createApiKeySecret()
    const other = createApiKeySecret()
    assert.match(one.secret, /^dce_[\w-]{43}$/)
    assert.notEqual(one.secret, other.secret)
    assert.equal(one.secretHash, hashSecret(one.secret))
    assert.match(one.secretHash, /^[0-9a-f]{64}$/)
  })

  it('is compared whole, whatever the lengths', () => {
    assert.equal(isSameSecret('abc', 'abc'), true)
    assert.equal(isSameSecret('abc', 'abd'), false)
    assert.equal(isSameSecret('abc', ''), false)
    assert.equal(isSameSecret('', ''), true)
  })
})
