import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { signCall } from '../../compliance/stir/sign.ts'
import { readCertificates, readSigningCertificate, TrustedRoots } from '../../compliance/stir/signing-certificate.ts'
import { judgeIdentities, readIdentities } from '../../compliance/stir/verify.ts'
import type { Attestation } from '../../model/compliance-rule.ts'
import type { StirResult } from '../../model/stir.ts'
import type { SipMessage } from '../../gateway/sip-server/message.ts'
import { ApiFailure } from '../../sipp/api-client.ts'
import type { Outcome } from '../../sipp/agents/outgoing-call.ts'
import { createUserAgent } from '../../sipp/agents/user-agent.ts'
import { Market } from '../support/call-market.ts'
import { makeAuthority, makeCertificate } from '../support/certificates.ts'
import { type CallAnswer, eventually, type Exchange, startExchange } from '../support/exchange.ts'
import { makeStirCertificate, makeStirRoot, tnAuthListOf, type MadeCertificate } from '../support/stir-certificates.ts'

const CALLER = '+12155550142'
const TARGET = '18885550177'
const ORIG_ID = '7a1c9f9e-92b8-4b6e-8c0f-2f6b7f1f0c11'

/** What a story changes of its trunk and its buyer's target. */
interface Terms {
  readonly trunk?: Readonly<Record<string, unknown>>
  readonly target?: Readonly<Record<string, unknown>>
  /** The least attestation that its buyer's campaign takes, where there is any. */
  readonly minimum?: 'A'
}

interface Audited {
  readonly data: readonly {
    readonly inputs: { readonly attestation?: string }
    readonly checks: readonly { readonly check: string; readonly effect: string }[]
  }[]
}

describe('a signed call', function () {
  this.timeout(90_000)
  const root = makeStirRoot()
  const carrier = makeStirCertificate({ issuer: root })
  const forger = makeStirCertificate({ issuer: makeStirRoot() })
  const house = makeStirCertificate({
    issuer: root,
    name: 'SHAKEN 4242',
    tnAuthList: tnAuthListOf({ codes: ['4242'] }),
  })
  const asked: string[] = []
  let folder: string
  let repository: Server
  let place: string
  let exchange: Exchange

  before(async function () {
    this.timeout(90_000)
    folder = mkdtempSync(join(tmpdir(), 'signed-'))
    const write = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text)
      return join(folder, name)
    }
    const authority = await makeAuthority()
    const { cert, key } = await makeCertificate(['localhost'], authority)
    const published = new Map([
      ['/carrier.pem', carrier.pem],
      ['/forger.pem', forger.pem],
      ['/house.pem', house.pem],
    ])
    repository = createServer({ cert, key }, (req, res) => {
      asked.push(req.url ?? '')
      const pem = published.get(req.url ?? '')
      res.writeHead(pem === undefined ? 404 : 200).end(pem)
    }).listen(0, '127.0.0.1')
    await once(repository, 'listening')
    const { port } = repository.address() as AddressInfo
    place = `https://localhost:${port}`
    exchange = await startExchange(this, {
      env: {
        NODE_EXTRA_CA_CERTS: write('authority.pem', authority.cert),
        DCE_AUDIT_SEAL_EVERY: '1s',
        DCE_OUTGOING_PRIVATE_NETWORKS: '127.0.0.0/8, ::1',
        DCE_TELEPHONY_STIR_POLICY: 'enforce',
        DCE_TELEPHONY_STIR_ROOTS: write('roots.pem', root.pem),
        DCE_TELEPHONY_STIR_DEADLINE: '10s',
        DCE_TELEPHONY_STIR_FETCH_TIMEOUT: '10s',
        DCE_TELEPHONY_STIR_CERTIFICATE_PORTS: String(port),
        DCE_TELEPHONY_STIR_KEY: write('house.key', house.key.export({ type: 'pkcs8', format: 'pem' }).toString()),
        DCE_TELEPHONY_STIR_CERTIFICATE_URL: `${place}/house.pem`,
        DCE_TELEPHONY_STIR_VERSTAT: 'plain',
      },
    })
  })
  after(async () => {
    await exchange?.close()
    repository?.closeAllConnections()
    repository?.close()
    if (folder) rmSync(folder, { recursive: true, force: true })
  })

  /** What the buyer makes of the Identity headers it got. */
  function judged(identities: readonly string[]): StirResult {
    const roots = new TrustedRoots(readCertificates(root.pem))
    const nowMs = Date.now()
    const request = { callers: [CALLER.slice(1)], callees: [TARGET], dateS: null, nowMs }
    const certificateOf = (url: string) =>
      readSigningCertificate(url.endsWith('/house.pem') ? house.pem : carrier.pem, roots)
    return judgeIdentities(readIdentities(identities, request, 60_000), certificateOf, nowMs, null).result
  }

  interface Told {
    readonly outcome: Outcome
    /** What the buyer's phone got; null: nothing. */
    readonly invite: SipMessage | null
    readonly record: CallAnswer
  }

  /** One call to a market of its own, whose buyer turns it down. */
  async function call(
    headersOf: (callee: string) => Readonly<Record<string, string>>,
    terms: Terms = {},
  ): Promise<Told> {
    const market = await Market.open(exchange, { trunk: terms.trunk ?? {} })
    const [phone, agent] = [await createUserAgent(), await createUserAgent({ address: market.address })]
    const invites: SipMessage[] = []
    try {
      phone.on('call', (incoming) => {
        invites.push(incoming.invite)
        incoming.reject(486)
      })
      const uri = `sip:+${TARGET}@${phone.address}:${phone.port}`
      const { campaign } = await market.standingBid(
        { host: phone.address, port: phone.port },
        { target: { uri, ...terms.target }, campaign: {} },
      )
      if (terms.minimum)
        await exchange.api.create('compliance/rules', {
          name: `for ${campaign!.id}`,
          source: 'the buyer asks for it',
          effect: 'block',
          scope: { campaigns: [campaign!.id] },
          terms: { type: 'attestation', minimum: terms.minimum, missing: false },
        })
      const headers = headersOf(market.number.slice(1))
      const to = { to: market.number, from: CALLER, target: exchange.process.sip() }
      const outcome = await agent.call({ ...to, headers }).outcome
      const [record] = await market.records(1)
      return { outcome, invite: invites[0] ?? null, record: record! }
    } finally {
      await phone.close()
      await agent.close()
    }
  }

  const signedBy =
    (by: MadeCertificate, file: string, ageS = 0, attestation: Attestation = 'A') =>
    (callee: string): string =>
      signCall(
        { key: by.key, certificateUrl: `${place}/${file}` },
        {
          caller: CALLER.slice(1),
          callee: { tn: callee },
          attestation,
          origId: ORIG_ID,
          nowMs: Date.now() - ageS * 1000,
        },
      )

  it('is sold, and its buyer finds the signature kept, the diversion signed beside it, and verstat with the number', async () => {
    let theirs = ''
    const { outcome, invite, record } = await call((callee) => {
      theirs = signedBy(carrier, 'carrier.pem')(callee)
      return { Identity: theirs }
    })
    assert.equal(outcome.status, 486)
    const identities = invite!.getAll('identity')
    assert.deepEqual([identities.length, identities[0]], [2, theirs])
    assert.match(identities[1]!, /;ppt=div$/)
    assert.deepEqual([judged(identities).verdict, judged(identities).attestation], ['passed', 'A'])
    assert.equal(judged([theirs]).verdict, 'failed', 'without the diversion it is for somebody else')
    for (const header of ['from', 'p-asserted-identity'])
      assert.match(invite!.get(header)!, /<sip:\+12155550142;verstat=TN-Validation-Passed@[^>@]+>/)
    assert.deepEqual(record.signature, {
      verdict: 'passed',
      attestation: 'A',
      orig_id: ORIG_ID,
      signer: '709J',
      sip_status: null,
      detail: 'the signature is good',
    })
    assert.ok(record.trace.some(({ step }) => step === 'signature'))
    const read = (): Promise<Audited> => exchange.api.request('GET', `/api/v1/audit/${record.id}`)
    // Once it is sealed.
    const { data } = await eventually(
      () =>
        read().catch((error) =>
          error instanceof ApiFailure && error.status === 404 ? undefined : Promise.reject(error),
        ),
      () => 'the call is not in the audit',
    )
    const [line] = data
    assert.equal(line!.inputs.attestation, 'A')
    assert.ok(line!.checks.some(({ check, effect }) => check === 'signature' && effect === 'allow'))
  })

  it('may come with the short name of its header, to a target that asks for its attestation', async () => {
    const target = { verstat: 'attested' }
    const { invite, record } = await call((to) => ({ y: signedBy(carrier, 'carrier.pem')(to) }), { target })
    assert.equal(record.signature?.['verdict'], 'passed')
    assert.match(invite!.get('from')!, /;verstat=TN-Validation-Passed-A@/)
    assert.equal(judged(invite!.getAll('identity')).verdict, 'passed')
  })

  it('is refused in the standard’s words where its signature is wrong, and no buyer hears of it', async () => {
    const refused = async (header: (callee: string) => string): Promise<unknown[]> => {
      const { outcome, invite, record } = await call((callee) => ({ Identity: header(callee) }))
      assert.ok(outcome.kind === 'rejected')
      assert.equal(invite, null)
      assert.deepEqual([record.end_reason, record.sip_status], ['signature', outcome.status])
      assert.equal(record.signature?.['verdict'], 'failed')
      return [outcome.status, outcome.reason, outcome.response?.get('reason')]
    }
    const said = (status: number, text: string): unknown[] => [status, text, `STIR;cause=${status};text="${text}"`]
    const forged = signedBy(forger, 'carrier.pem')
    assert.deepEqual(await refused(forged), said(438, 'Invalid Identity Header'))
    assert.deepEqual(await refused(signedBy(forger, 'forger.pem')), said(437, 'Unsupported Credential'))
    assert.deepEqual(await refused(signedBy(carrier, 'nothing.pem')), said(436, 'Bad Identity Info'))
    assert.deepEqual(await refused(signedBy(carrier, 'carrier.pem', 120)), said(403, 'Stale Date'))
    const other = signedBy(carrier, 'carrier.pem')
    assert.deepEqual(await refused(() => other('18005550199')), said(438, 'Invalid Identity Header'))
    assert.ok((await exchange.metric('dce_stir_verifications_total')) >= 5)
    assert.equal(asked.filter((url) => url === '/carrier.pem').length, 1, 'fetched once for all of them')
  })

  it('is signed by us where nobody has, as its trunk allows; another is sold unsigned', async () => {
    const trunk = { attestation: 'A', caller_numbers: ['+1215555*'] }
    const { invite, record } = await call(() => ({}), { trunk })
    const result = judged(invite!.getAll('identity'))
    assert.deepEqual([result.verdict, result.attestation, result.signer], ['passed', 'A', '4242'])
    assert.equal(result.origId, record.trunk_id)
    assert.equal(record.signature?.['verdict'], 'none')
    const unsigned = await call(() => ({}))
    assert.deepEqual(unsigned.invite!.getAll('identity'), [])
    assert.match(unsigned.invite!.get('from')!, /;verstat=No-TN-Validation@/)
  })

  it('is kept from a campaign that asks for more attestation, with a reason, and for none is no less', async () => {
    const sign = (attestation: Attestation) => signedBy(carrier, 'carrier.pem', 0, attestation)
    const low = await call((to) => ({ Identity: sign('B')(to) }), { minimum: 'A' })
    assert.deepEqual([low.outcome.status, low.record.outcome], [480, 'no_sale'])
    const { non_bids } = await exchange.api.request<{ non_bids: readonly { readonly code: string }[] }>(
      'GET',
      `/api/v1/calls/${low.record.id}/auction`,
    )
    assert.ok(non_bids.some(({ code }) => code === 'compliance_rule'))
    assert.equal((await call((to) => ({ Identity: sign('A')(to) }), { minimum: 'A' })).outcome.status, 486)
    assert.equal((await call(() => ({}), { minimum: 'A' })).outcome.status, 486)
  })

  it('has its number withheld from the buyer, and its signatures with it', async () => {
    const { invite } = await call((to) => ({ Identity: signedBy(carrier, 'carrier.pem')(to), Privacy: 'id' }))
    assert.deepEqual(invite!.getAll('identity'), [])
    assert.match(invite!.get('from')!, /anonymous\.invalid/)
  })
})
