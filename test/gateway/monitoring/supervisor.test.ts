import assert from 'node:assert/strict'
import { supervisorAt, type SupervisorParts } from '../../../gateway/monitoring/supervisor.ts'
import type { Way } from '../../../gateway/invitation/ways.ts'
import type { Role } from '../../../model/account.ts'
import { BadSupervisor } from '../../../model/call-monitor.ts'
import { newId, type AccountId } from '../../../model/ids.ts'

describe('Who may be called to monitor a call', () => {
  const [buyer, other, operator] = [newId<AccountId>(), newId<AccountId>(), newId<AccountId>()]
  const users = new Map<string, readonly [AccountId, readonly Way[]]>([
    ['anna', [buyer, [{ uri: 'sip:anna@127.0.0.1:5070' }]]],
    ['away', [buyer, []]],
    ['otto', [other, [{ uri: 'sip:otto@127.0.0.1:5071' }]]],
    ['sly', [buyer, [{ uri: 'sip:x@10.0.0.1', proxy: 'sip:carrier.example', fallback: { uri: 'sip:x@10.0.0.1' } }]]],
    ['slyer', [buyer, [{ uri: 'sip:x@10.0.0.1', fallback: { uri: 'sip:x@carrier.example' } }]]],
  ])
  const parts: SupervisorParts = {
    registrar: {
      usernameIn: (uri) => /^sips?:([^@]+)@dce(?:;|$)/.exec(uri)?.[1] ?? null,
      ownerOf: (username) => users.get(username)?.[0] ?? null,
      waysToUser: (username, accountId) => {
        const [owner, ways] = users.get(username) ?? [null, []]
        return owner === accountId && ways.length > 0 ? [ways] : []
      },
    },
    trunks: { isCarrier: (uri) => uri.includes('carrier.example') },
    hosts: ['quality.example', 'carrier.example'],
  }
  const by = (role: Role, accountId: AccountId) => ({ role, accountId, userId: null, source: '127.0.0.1' })
  const admin = by('admin', operator)
  const person = by('buyer', buyer)
  const codeOf = (to: string, asker = person): string => {
    try {
      supervisorAt(to, asker, parts)
      return 'called'
    } catch (error) {
      assert.ok(error instanceof BadSupervisor)
      return error.code
    }
  }

  it('is a registered user, for a buyer one of its own', () => {
    assert.deepEqual(supervisorAt('sip:anna@dce', person, parts), {
      uri: 'sip:anna@dce',
      ways: [[{ uri: 'sip:anna@127.0.0.1:5070' }]],
    })
    assert.equal(codeOf('sip:otto@dce', admin), 'called')
    assert.equal(codeOf('sip:otto@dce'), 'not_found')
    assert.equal(codeOf('sip:nobody@dce'), 'not_found')
    assert.equal(codeOf('sip:nobody@dce', admin), 'not_found')
    assert.equal(codeOf('sip:away@dce'), 'not_registered')
  })

  it('is for an administrator also a URI within a host that the operator names, and for nobody else', () => {
    assert.deepEqual(supervisorAt('sip:desk@pbx.quality.example', admin, parts), {
      uri: 'sip:desk@pbx.quality.example',
      ways: null,
    })
    assert.equal(codeOf('sip:desk@quality.example'), 'not_allowed')
    assert.equal(codeOf('sip:desk@elsewhere.example', admin), 'not_allowed')
    assert.equal(codeOf('sip:desk@quality.example;maddr=192.0.2.1', admin), 'invalid_uri')
    assert.equal(codeOf('sip:desk@quality.example?Replaces=x', admin), 'invalid_uri')
    assert.equal(codeOf('tel:+12125550123', admin), 'invalid_uri')
  })

  it('is never at the carrier of an outbound trunk, by whatever way', () => {
    assert.equal(codeOf('sip:+12125550123@carrier.example', admin), 'not_allowed')
    for (const username of ['sly', 'slyer']) assert.equal(codeOf(`sip:${username}@dce`), 'not_allowed')
  })
})
