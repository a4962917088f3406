import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { SuppressionLists } from '../../compliance/suppression-lists.ts'
import { startApi, type ApiHarness, type Person } from '../support/api-harness.ts'

const TRUSTED_FORM = 'https://cert.trustedform.com/3619bba2ddb80a5dd65145dd6ce6a93f38111e18'
const LEAD_ID = '2D8A2A3B-8B0C-4C3D-9E1F-0A1B2C3D4E5F'
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

describe('consents', () => {
  let api: ApiHarness
  let admin: Person
  let seller: Person
  let room = 1_000
  before(async () => {
    const compliance = {
      tryRule: () => () => null,
      ruleCount: () => 0,
      consentRoom: () => room,
      suppression: new SuppressionLists(),
    }
    api = await startApi({ compliance })
    admin = await api.person('operator')
    seller = await api.person('seller')
  })
  after(() => api.api.close())

  const ask = (method: string, path: string, json?: object, who = admin) =>
    api.request(method, path, { token: who.token, ...(json ? { json } : {}) })
  const upload = (body: string, type = 'text/csv') =>
    api.request('POST', 'consents/import', { token: admin.token, body, headers: { 'content-type': type } })
  const consent = (change: object = {}) => ({
    number: '(212) 555-0123',
    name: 'Jane Doe',
    sellers: [{ name: 'Acme Solar', account_id: seller.account.id }, { name: 'Bolt Roofing' }],
    disclosure: 'I agree that Acme Solar and Bolt Roofing may call me,\nalso by machine.',
    page_url: 'https://solar.example/quote',
    ip: '2001:db8::7',
    user_agent: 'Mozilla/5.0',
    given_at: '2026-05-01T10:00:00Z',
    form_snapshot: 's3://forms/1',
    certificates: [{ certificate: TRUSTED_FORM, issued_at: '2026-05-01T09:59:00Z' }, { certificate: LEAD_ID }],
    channels: ['call', 'autodial'],
    purpose: 'offers for solar panels',
    shown: '<form>☀ <b>Get a quote</b></form>',
    ...change,
  })

  it('are kept with every field, and read again', async () => {
    const made = await ask(
      'POST',
      'consents',
      consent({ disclosure_sha256: sha256(consent().disclosure).toUpperCase() }),
    )
    assert.equal(made.status, 201, JSON.stringify(made.body))
    const { body } = made
    assert.deepEqual(
      [body.number, body.status, body.version, body.deed, body.ip, body.expires_at, body.revocation],
      ['+12125550123', 'valid', 1, 'captured', '2001:db8::7', null, null],
    )
    assert.equal(body.disclosure_sha256, sha256(consent().disclosure))
    assert.equal(body.shown_sha256, sha256(consent().shown))
    assert.deepEqual(body.sellers, [
      { name: 'Acme Solar', account_id: seller.account.id },
      { name: 'Bolt Roofing', account_id: null },
    ])
    assert.deepEqual(body.certificates, [
      {
        kind: 'trustedform',
        token: '3619bba2ddb80a5dd65145dd6ce6a93f38111e18',
        url: TRUSTED_FORM,
        issued_at: '2026-05-01T09:59:00.000Z',
      },
      { kind: 'jornaya', token: LEAD_ID.toLowerCase(), url: null, issued_at: null },
    ])
    assert.match(body.by, /^user /)
    const read = await ask('GET', `consents/${body.id}`)
    assert.deepEqual(read.body, body)
    assert.equal(read.headers.get('etag'), '"1"')
    const listed = await ask('GET', 'consents?number=2125550123')
    assert.deepEqual(listed.body.data, [body])
    assert.deepEqual((await ask('GET', 'consents?limit=1')).body.data, [body])
    assert.equal((await ask('POST', 'consents', consent())).status, 409, 'the very same one is kept once')
  })

  it('are refused by the name of the field that is wrong', async () => {
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString()
    for (const [change, pointer] of [
      [{ number: 'x' }, '/number'],
      [{ sellers: [] }, '/sellers'],
      [{ sellers: [{ name: 'Acme', account_id: '019ab000-0000-7000-8000-000000000000' }] }, '/sellers/0/account_id'],
      [{ disclosure: '' }, '/disclosure'],
      [{ disclosure: 'a\u0000b' }, '/disclosure'],
      [{ disclosure_sha256: sha256('another') }, '/disclosure_sha256'],
      [{ page_url: 'javascript:alert(1)' }, '/page_url'],
      [{ ip: '300.1.1.1' }, '/ip'],
      [{ given_at: tomorrow }, '/given_at'],
      [{ given_at: '2026-02-30T00:00:00Z' }, '/given_at'],
      [{ expires_at: '2026-04-01T00:00:00Z' }, '/expires_at'],
      [{ certificates: [{ certificate: 'https://cert.example/1' }] }, '/certificates/0/certificate'],
      [{ certificates: [{ certificate: LEAD_ID, issued_at: tomorrow }] }, '/certificates/0/issued_at'],
      [{ channels: [] }, '/channels'],
      [{ channels: ['fax'] }, '/channels/0'],
      [{ purpose: undefined }, '/purpose'],
      [{ shown: 'x'.repeat(200_001) }, '/shown'],
      [{ revocation: { at: '2026-04-01T00:00:00Z', means: 'x' } }, '/revocation/at'],
      [{ colour: 'red' }, '/colour'],
    ] as const) {
      const { status, body } = await ask('POST', 'consents', consent(change))
      assert.deepEqual([status, body.errors?.[0]?.pointer], [422, pointer], JSON.stringify(change).slice(0, 100))
    }
  })

  it('are for administrators alone', async () => {
    for (const path of ['consents', 'consents/019ab000-0000-7000-8000-000000000000/proof'])
      assert.equal((await ask('GET', path, undefined, seller)).status, 403)
    for (const path of ['consents', 'consents/verify', 'consents/revoke'])
      assert.equal((await ask('POST', path, {}, seller)).status, 403)
    assert.equal((await ask('GET', 'consents/019ab000-0000-7000-8000-000000000000')).status, 404)
  })

  it('are verified for a number, a seller, a channel and a time', async () => {
    const number = '+12125550140'
    const made = await ask(
      'POST',
      'consents',
      consent({ number, expires_at: '2027-05-01T00:00:00Z', channels: ['call'] }),
    )
    const verify = async (question: object) => {
      const { body } = await ask('POST', 'consents/verify', { number, channel: 'call', ...question })
      return [body.valid, body.reason, body.consent_id]
    }
    const good = [true, null, made.body.id]
    assert.deepEqual(await verify({}), good)
    assert.deepEqual(await verify({ seller_id: seller.account.id }), good)
    assert.deepEqual(await verify({ seller: 'BOLT roofing' }), good)
    assert.deepEqual(await verify({ seller: 'Somebody' }), [false, 'other_seller', null])
    assert.deepEqual(await verify({ seller_id: admin.account.id }), [false, 'other_seller', null])
    assert.deepEqual(await verify({ channel: 'autodial' }), [false, 'other_channel', null])
    assert.deepEqual(await verify({ channel: 'text' }), [false, 'other_channel', null])
    assert.deepEqual(await verify({ at: '2026-04-30T00:00:00Z' }), [false, 'not_given_yet', null])
    assert.deepEqual(await verify({ at: '2027-05-01T00:00:00Z' }), [false, 'expired', null])
    assert.deepEqual(await verify({ number: '+12125550141' }), [false, 'no_consent', null])
    await ask('POST', `consents/${made.body.id}/revoke`, { means: 'told the agent', at: '2026-06-01T00:00:00Z' })
    assert.deepEqual(await verify({}), [false, 'revoked', null])
    assert.deepEqual(await verify({ at: '2026-05-31T23:59:59Z' }), good, 'it had been good until then')
  })

  it('are revoked at once, for good, and as they ask the number is not called any more', async () => {
    const made = await ask('POST', 'consents', consent({ number: '+12125550150' }))
    const path = `consents/${made.body.id}/revoke`
    assert.equal((await ask('POST', path, {})).status, 422)
    assert.equal((await ask('POST', path, { means: 'x', at: '2026-04-01T00:00:00Z' })).body.errors[0].pointer, '/at')
    const { status, body } = await ask('POST', path, { means: 'sms STOP', do_not_call: true, honoured_by: 'desk 4' })
    assert.deepEqual([status, body.status, body.version, body.deed], [200, 'revoked', 2, 'revoked'])
    assert.deepEqual([body.revocation.means, body.revocation.honoured_by], ['sms STOP', 'desk 4'])
    assert.equal(body.previous_hash, made.body.hash)
    const listed = await ask('GET', 'dnc/+12125550150')
    assert.deepEqual(
      [listed.body.entries[0].list, listed.body.entries[0].reason],
      ['internal', 'consent revoked: sms STOP'],
    )
    const again = await ask('POST', path, { means: 'again' })
    assert.deepEqual([again.status, again.body.version], [200, 2])
    const history = await ask('GET', `consents/${made.body.id}/history`)
    assert.deepEqual(history.body.data, [{ ...made.body, status: 'valid' }, body])
  })

  it('are not needed for a “no” to be kept: a number without any goes on the do-not-call list', async () => {
    const number = '+12125550188'
    const { status, body } = await ask('POST', 'consents/revoke', { number, means: 'sms STOP' })
    assert.deepEqual([status, body], [200, { number, revoked: [], do_not_call: true }])
    assert.equal((await ask('GET', `dnc/${encodeURIComponent(number)}`)).body.listed, true)
  })

  it('are revoked all at once by their number, those of one seller if it says so', async () => {
    const number = '+12125550160'
    const own = await ask('POST', 'consents', consent({ number }))
    const other = await ask('POST', 'consents', consent({ number, sellers: [{ name: 'Bolt' }] }))
    const by = (question: object) => ask('POST', 'consents/revoke', { number, means: 'letter', ...question })
    const early = await by({ at: '2026-04-01T00:00:00Z' })
    assert.deepEqual(early.body.revoked, [], 'what was given later stands')
    assert.deepEqual((await by({ seller_id: seller.account.id })).body.revoked, [own.body.id])
    const rest = await by({})
    assert.deepEqual(rest.body, { number, revoked: [other.body.id], do_not_call: false })
    assert.equal((await ask('GET', `dnc/${number}`)).body.listed, false)
    assert.equal((await by({ at: new Date(Date.now() + 86_400_000).toISOString() })).status, 422)
  })

  it('take what comes later as a new version, and never a later end', async () => {
    const made = await ask('POST', 'consents', consent({ number: '+12125550170', certificates: [] }))
    const path = `consents/${made.body.id}`
    const json = { certificates: [{ certificate: LEAD_ID }], expires_at: '2027-01-01T00:00:00Z' }
    const headers = { 'if-match': '"7"' }
    assert.equal((await api.request('PATCH', path, { token: admin.token, json, headers })).status, 412)
    const { body } = await ask('PATCH', path, json)
    assert.deepEqual([body.version, body.deed, body.certificates.length], [2, 'amended', 1])
    assert.equal((await ask('PATCH', path, { expires_at: '2028-01-01T00:00:00Z' })).status, 422)
    assert.equal((await ask('PATCH', path, { disclosure: 'other words' })).status, 422)
  })

  it('are proven: as JSON with the texts that were hashed, and as a page', async () => {
    const made = await ask('POST', 'consents', consent({ number: '+12125550180', name: '<script>alert(1)</script>' }))
    await ask('POST', `consents/${made.body.id}/revoke`, { means: 'sms STOP' })
    const { body } = await ask('GET', `consents/${made.body.id}/proof`)
    assert.deepEqual([body.intact, body.faults, body.versions.length], [true, [], 2])
    for (const { sealed_text, hash } of body.versions) assert.equal(sha256(sealed_text), hash)
    assert.ok(body.versions[1].sealed_text.startsWith(`dce consent ${made.body.id} 2 revoked `))
    assert.ok(body.versions[1].sealed_text.includes(body.versions[0].hash))
    assert.match(body.note, /vendors \(TrustedForm, Jornaya\) were not asked/)
    const page = await ask('GET', `consents/${made.body.id}/proof?format=html`)
    assert.match(page.headers.get('content-type')!, /^text\/html/)
    assert.ok(!page.body.includes('<script>'))
    for (const shown of [
      'sms STOP',
      body.versions[1].hash,
      TRUSTED_FORM,
      '2001:db8::7',
      'may call me,\nalso by machine',
    ])
      assert.ok(page.body.includes(shown), shown)
  })

  it('come in many as CSV, quotes and line breaks in them, and bad lines are named', async () => {
    const csv = [
      'number,sellers,disclosure,given_at,trustedform_cert_url,channels,purpose,revoked_at,revocation_means',
      `+13055550101,Acme=${seller.account.id};Bolt,"I ""agree"",\nreally",2026-05-01T10:00:00Z,${TRUSTED_FORM},call autodial,solar,,`,
      '305,Acme,yes,2026-05-01T10:00:00Z,,call,solar,,',
      '+13055550103,Acme,yes,2026-05-01T10:00:00Z,nonsense,call,solar,,',
      '+13055550104,Acme,yes',
      '',
      '+13055550105,Acme,yes,2026-05-01T10:00:00Z,,text,solar,2026-06-01T00:00:00Z,sms STOP',
    ].join('\r\n')
    const { status, body } = await upload(csv)
    assert.equal(status, 200, JSON.stringify(body))
    assert.deepEqual([body.kept, body.already_kept, body.invalid_omitted], [2, 0, 0])
    assert.deepEqual(
      body.invalid.map(({ line, pointer }: { line: number; pointer: string }) => [line, pointer]),
      [
        [4, '/number'],
        [5, '/certificates/0/certificate'],
        [6, ''],
      ],
    )
    const [kept] = (await ask('GET', 'consents?number=+13055550101'.replace('+', '%2B'))).body.data
    assert.deepEqual([kept.disclosure, kept.deed], ['I "agree",\nreally', 'imported'])
    assert.equal(kept.sellers[0].account_id, seller.account.id)
    const [over] = (await ask('GET', 'consents?number=3055550105')).body.data
    assert.deepEqual([over.status, over.revocation.means], ['revoked', 'sms STOP'])
    const again = await upload(csv)
    assert.deepEqual([again.body.kept, again.body.already_kept], [0, 2])
  })

  it('come in many as lines of JSON, as many as there is room for', async () => {
    const line = (n: number) => JSON.stringify(consent({ number: `+1305556${String(n).padStart(4, '0')}` }))
    const lines = [line(1), '{"number":', line(2), '', '"text"', line(3)].join('\n')
    const { body } = await upload(lines, 'application/x-ndjson')
    assert.deepEqual([body.kept, body.invalid.map((each: { line: number }) => each.line)], [3, [2, 5]])
    room = 1
    const full = await upload([line(4), line(5)].join('\n'), 'application/x-ndjson')
    assert.deepEqual([full.body.kept, full.body.invalid[0].line], [1, 2])
    room = 0
    assert.equal((await ask('POST', 'consents', consent({ number: '+13055560009' }))).status, 409)
    room = 1_000
    const thousand = Array.from({ length: 1_200 }, (_, i) => line(i + 100)).join('\n')
    assert.equal((await upload(thousand, 'application/x-ndjson')).body.kept, 1_200)
  })

  it('are not imported from what cannot be read on', async () => {
    assert.equal((await upload('number,colour\n')).status, 400)
    assert.equal((await upload('number,number\n')).status, 400)
    assert.equal((await upload('number,purpose\n+13055550199,"open')).status, 400)
    assert.equal((await upload('x', 'text/plain')).status, 415)
  })
})
