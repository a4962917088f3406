import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { auditPage } from '../../../compliance/audit/audit-page.ts'
import { commitmentOf, keyIdOf, lineHash, makeBlock } from '../../../compliance/audit/chain.ts'
import { auditPagesAsHtml, auditPagesAsText } from '../../../compliance/audit/print-audit-page.ts'
import type { AuditLine } from '../../../model/audit.ts'

const CHECKS = [
  { check: 'signature', effect: 'advisory', rule: 'signature', source: 'RFC 8224', detail: 'none', tookMs: 212 },
  {
    check: 'calling-hours',
    effect: 'block',
    rule: 'calling-hours:FL',
    source: 'Fla. Stat. 501.616',
    detail: 'FL, America/New_York: 20:30, calls 08:00 to 20:00',
    version: '2026-11-21',
    evidence: 'npa-nxx',
  },
]
const LINE: AuditLine = {
  seq: 8n,
  callId: '01900000-0000-7000-8000-000000000001',
  atMicros: 1_763_000_000_123_456n,
  number: '+13055550123',
  inputs: JSON.stringify({ leg: 'transfer', states: ['FL', 'GA'], attestation: 'B', evidenceMs: 250 }),
  checks: JSON.stringify(CHECKS),
  salt: '5a170000-0000-4000-8000-000000000001',
  commitment: null,
}
const OTHER: AuditLine = { ...LINE, seq: 7n, callId: '01900000-0000-7000-8000-000000000002' }
const CALL = {
  state: 'ended',
  outcome: 'refused',
  sipStatus: 603,
  endReason: 'compliance',
  dnis: '+18005550100',
} as const
const { publicKey, privateKey } = generateKeyPairSync('ed25519')

function sealed(...lines: readonly AuditLine[]) {
  const signer = { keyId: keyIdOf(publicKey), privateKey }
  return makeBlock(
    null,
    { hashes: lines.map(lineHash), lastSeq: lines.at(-1)!.seq },
    signer,
    new Date(1_763_000_060_000),
  )
}

describe('the auditor’s page of a call', () => {
  const page = (line: AuditLine, beside: readonly AuditLine[], keys = [publicKey], block = sealed(OTHER, LINE)) =>
    auditPage({ line, block, beside }, keys, CALL)

  it('says what was judged, by which rule in which version, from what, when, and that it is as it was sealed', () => {
    const { verdict, facts, inputs, checks, seal } = page(LINE, [OTHER, LINE])
    assert.equal(verdict, 'refused by calling-hours:FL: FL, America/New_York: 20:30, calls 08:00 to 20:00')
    assert.deepEqual(Object.fromEntries(facts), {
      consumer: '+13055550123',
      dialled: '+18005550100',
      received: '2025-11-13T02:13:20.123456Z',
      judged: '2025-11-13T02:13:20.373Z',
      'the call': 'refused, SIP 603, compliance',
    })
    assert.deepEqual(inputs, [
      ['leg', 'transfer'],
      ['states', 'FL, GA'],
      ['attestation', 'B'],
      ['evidenceMs', '250'],
    ])
    assert.deepEqual(
      checks.map(({ rule, version, finding, verdict: said, time }) => [rule, version, finding, said, time]),
      [
        ['signature', 'the only one', 'none', 'advises against', '2025-11-13T02:13:20.373Z, asked outside for 212 ms'],
        [
          'calling-hours:FL',
          '2026-11-21',
          'FL, America/New_York: 20:30, calls 08:00 to 20:00 (known by npa-nxx)',
          'refuses',
          '2025-11-13T02:13:20.373Z',
        ],
      ],
    )
    const said = Object.fromEntries(seal)
    assert.match(said['state']!, /^as it was sealed;/)
    assert.equal(said['block'], '1, line 2 of its 2')
    assert.equal(said['proof'], lineHash(OTHER).toString('hex'))
  })

  it('says when it is not as it was sealed, or nobody here can tell who sealed it', () => {
    const state = (...args: Parameters<typeof page>) => Object.fromEntries(page(...args).seal)['state']!
    const changed = { ...LINE, number: '+13055550124' }
    assert.match(state(changed, [OTHER, changed]), /^NOT AS IT WAS SEALED: the lines/)
    assert.match(state(LINE, [LINE]), /^NOT AS IT WAS SEALED: the lines/)
    const block = sealed(OTHER, LINE)
    assert.match(state(LINE, [OTHER, LINE], [publicKey], { ...block, sealedAt: new Date(0) }), /^NOT .* its block/)
    const signature = Buffer.alloc(64)
    assert.match(state(LINE, [OTHER, LINE], [publicKey], { ...block, signature }), /^NOT .* the signature/)
    assert.match(state(LINE, [OTHER, LINE], []), /not known here/)
    const { seal } = auditPage({ line: LINE, block: null, beside: [] }, [], null)
    assert.match(Object.fromEntries(seal)['state']!, /^not sealed yet/)
  })

  it('shows a line that somebody has meddled with, whatever stands there now', () => {
    const meddled: readonly Partial<AuditLine>[] = [
      { inputs: '{"evidenceMs": "soon"}' },
      { inputs: '{"evidenceMs": 1e300}' },
      { inputs: '7' },
      { checks: '[{"check": {"a": 1}, "rule": null, "detail": ["x"], "effect": 4, "tookMs": {}}, 5, null]' },
      { checks: '{"length": 3}' },
    ]
    for (const change of meddled) {
      const forged = { ...LINE, ...change }
      const shown = page(forged, [OTHER, forged])
      assert.match(String(shown.seal[0]), /NOT AS IT WAS SEALED/)
      assert.ok(auditPagesAsText([shown]).length > 0)
      assert.match(auditPagesAsHtml([shown]), /<html/)
    }
  })

  it('says of a line that was erased what is left of it, its seal included', () => {
    const erased = { ...LINE, commitment: commitmentOf(LINE), number: null, inputs: null, checks: null, salt: null }
    const { verdict, facts, checks, seal } = page(erased, [OTHER, erased])
    assert.match(verdict, /erased/)
    assert.equal(Object.fromEntries(facts)['consumer'], 'erased')
    assert.deepEqual(checks, [])
    assert.match(Object.fromEntries(seal)['state']!, /^as it was sealed/)
  })

  it('is one page of text, or of HTML that nobody’s words step out of', () => {
    const detail = '<script>alert("x")</script>\u001b[2J & more'
    const evil = { ...LINE, checks: JSON.stringify([{ ...CHECKS[0], effect: 'allow', detail }]) }
    const pages = [page(evil, [OTHER, evil], [publicKey], sealed(OTHER, evil))]
    const html = auditPagesAsHtml(pages)
    assert.ok(html.includes('&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;�[2J &amp; more'))
    assert.ok(!html.includes('<script'))
    const text = auditPagesAsText([page(LINE, [OTHER, LINE])])
    assert.ok(!auditPagesAsText(pages).includes('\u001b'))
    assert.match(text, /verdict {3}refused by calling-hours:FL/)
    assert.match(text, / {2}2\. calling-hours: refuses\n {5}rule {5}calling-hours:FL\n {5}version {2}2026-11-21\n/)
  })
})
