import assert from 'node:assert/strict'
import { startApi, type ApiHarness } from '../support/api-harness.ts'

type Json = Record<string, any> // oxlint-disable-line no-explicit-any -- a description is walked, not typed.

describe('/openapi.json', () => {
  let api: ApiHarness
  let description: Json
  before(async () => {
    api = await startApi()
    description = (await api.request('GET', '/openapi.json')).body as Json
  })
  after(() => api.api.close())

  it('describes every call of the contract', () => {
    const promised = [
      'post /api/v1/auth/login',
      'post /api/v1/auth/refresh',
      'post /api/v1/auth/logout',
      'post /api/v1/accounts',
      'get /api/v1/accounts',
      'get /api/v1/accounts/{id}',
      'patch /api/v1/accounts/{id}',
      'post /api/v1/accounts/{id}/deposits',
      'post /api/v1/accounts/{id}/payouts',
      'get /api/v1/accounts/{id}/ledger',
      'get /api/v1/accounts/{id}/invoices',
      'post /api/v1/accounts/{id}/api-keys',
      'get /api/v1/accounts/{id}/api-keys',
      'delete /api/v1/accounts/{id}/api-keys/{key_id}',
      ...['trunks', 'numbers', 'targets', 'campaigns', 'bids'].flatMap((name) => [
        `post /api/v1/${name}`,
        `get /api/v1/${name}`,
        `get /api/v1/${name}/{id}`,
        `patch /api/v1/${name}/{id}`,
        `delete /api/v1/${name}/{id}`,
      ]),
      'post /campaigns',
      'get /api/v1/auctions/{id}',
      'get /api/v1/calls/{id}/auction',
      'post /api/v1/calls',
      'get /api/v1/calls',
      'get /api/v1/calls/{id}',
      'post /api/v1/calls/{id}/hangup',
      'post /api/v1/calls/{id}/monitor',
      'patch /api/v1/calls/{id}/monitor/{monitor_id}',
      'delete /api/v1/calls/{id}/monitor/{monitor_id}',
      'get /api/v1/calls/{id}/recording',
      'get /api/v1/analytics/dashboard',
      'get /api/v1/analytics/timeseries',
      'get /api/v1/reports/{by}',
      'post /api/v1/bid-request',
      'post /bid-request',
      'post /api/v1/track/{type}',
      'post /track/{type}',
      'post /api/v1/dnc',
      'post /api/v1/dnc/import',
      'get /api/v1/dnc/{number}',
      'delete /api/v1/dnc/{number}',
      'post /api/v1/debug/compliance/tcpa',
      'get /api/v1/debug/validate/phone/{number}',
      'get /api/v1/debug/config',
      'get /health',
      'get /health/live',
      'get /health/ready',
    ]
    for (const call of promised) {
      const [method = '', path = ''] = call.split(' ')
      assert.ok(description['paths'][path]?.[method], call)
    }
  })

  it('names each operation once, with answers and a problem', () => {
    const operations = Object.values(description['paths'] as Json).flatMap((path: Json) =>
      Object.values(path),
    ) as Json[]
    const ids = operations.map((operation) => operation['operationId'] as string)
    assert.equal(new Set(ids).size, ids.length, ids.filter((id, index) => ids.indexOf(id) !== index).join())
    for (const operation of operations) {
      assert.ok(operation['responses'].default, operation['operationId'])
      assert.ok(Object.keys(operation['responses']).length > 1, operation['operationId'])
    }
    assert.equal(description['openapi'], '3.1.0')
  })

  it('says what a bid takes', () => {
    const schema = description['paths']['/api/v1/bids'].post.requestBody.content['application/json'].schema
    assert.deepEqual(schema.required, ['amount'])
    assert.equal(schema.additionalProperties, false)
    assert.deepEqual(schema.properties.amount.type, ['string', 'number'])
    assert.deepEqual(schema.properties.status.enum, ['active', 'paused'])
  })

  it('holds no reference to what it does not define', () => {
    for (const [, pointer] of JSON.stringify(description).matchAll(/"\$ref":"#\/([^"]+)"/g)) {
      const found = pointer!.split('/').reduce<Json | undefined>((value, step) => value?.[step], description)
      assert.ok(found, pointer)
    }
  })
})
