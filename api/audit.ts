import { z } from 'zod'
import { auditPage, printMicros } from '../compliance/audit/audit-page.ts'
import { lineHash } from '../compliance/audit/chain.ts'
import { inclusionProof } from '../compliance/audit/merkle.ts'
import { auditPagesAsHtml, auditPagesAsText } from '../compliance/audit/print-audit-page.ts'
import type { AuditLine } from '../model/audit.ts'
import type { CallId } from '../model/ids.ts'
import { ADMIN, endpoint, type Endpoint } from './endpoint.ts'
import { notFound, type Kit } from './kit.ts'
import type { AuditEntry } from './needs.ts'
import { invalid } from './problems.ts'
import * as s from './schemas.ts'

const LineAnswer = z.strictObject({
  seq: z.string(),
  call_id: s.printedId(),
  at: z.string(),
  number: z.string().nullable(),
  inputs: z.unknown(),
  checks: z.unknown(),
  erased: z.boolean(),
})
const ProofAnswer = z.strictObject({
  block: z.int(),
  sealed_at: s.printedTime(),
  leaf: z.string(),
  index: z.int(),
  size: z.int(),
  beside: z.array(z.string()).meta({ description: 'The hashes beside its way up to the root (RFC 9162 §2.1.3)' }),
  root: z.string(),
  block_hash: z.string(),
  key_id: z.string(),
  signature: z.string(),
})
const CallAudit = z.strictObject({
  data: z.array(LineAnswer.extend({ proof: ProofAnswer.nullable() })),
})

export function viewLine(line: AuditLine): z.input<typeof LineAnswer> {
  return {
    seq: String(line.seq),
    call_id: line.callId,
    at: printMicros(line.atMicros),
    number: line.number,
    inputs: line.inputs === null ? null : JSON.parse(line.inputs),
    checks: line.checks === null ? null : JSON.parse(line.checks),
    erased: line.commitment !== null,
  }
}

function viewProof({ line, block, beside }: AuditEntry): z.input<typeof ProofAnswer> | null {
  if (block === null) return null
  const index = beside.findIndex(({ seq }) => seq === line.seq)
  return {
    block: block.no,
    sealed_at: s.printTime(block.sealedAt),
    leaf: lineHash(line).toString('hex'),
    index,
    size: beside.length,
    beside: inclusionProof(beside.map(lineHash), index).map((hash) => hash.toString('hex')),
    root: block.root.toString('hex'),
    block_hash: block.hash.toString('hex'),
    key_id: block.keyId,
    signature: block.signature.toString('base64'),
  }
}

/** The page brings its style along and may load nothing else. */
const PAGE_CSP = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"

/** The audit of compliance: what was checked of a call, by which rule, and the proof that nobody has changed it since. */
export function auditEndpoints({ stores, auditKeys }: Kit): Endpoint[] {
  return [
    endpoint({
      method: 'get',
      tag: 'audit',
      who: ADMIN,
      path: '/audit/{call_id}',
      summary:
        'Every check of one call with what it was judged by, and the proof that it is as it was sealed: as data, or as a page to read (html, text)',
      query: z.strictObject({ format: z.enum(['json', 'html', 'text']).default('json') }),
      answers: { 200: CallAudit },
      otherTypes: ['text/html', 'text/plain'],
      async handle({ params, query }) {
        const id = params['call_id'] as CallId
        const entries = await stores.audit.ofCall(id)
        if (entries.length === 0) throw notFound('audited call')
        if (query.format !== 'json') {
          const call = await stores.calls.find(id)
          const keys = auditKeys()
          const pages = entries.map((entry) => auditPage(entry, keys, call))
          return query.format === 'html'
            ? {
                status: 200,
                content: { type: 'text/html; charset=utf-8', bytes: auditPagesAsHtml(pages) },
                headers: { 'Content-Security-Policy': PAGE_CSP },
              }
            : { status: 200, content: { type: 'text/plain; charset=utf-8', bytes: auditPagesAsText(pages) } }
        }
        return {
          status: 200,
          body: { data: entries.map((each) => ({ ...viewLine(each.line), proof: viewProof(each) })) },
        }
      },
    }),
    endpoint({
      method: 'get',
      tag: 'audit',
      who: ADMIN,
      path: '/audit',
      summary:
        'The lines of a time as JSON, one a line, in the order they were written; yesterday unless said otherwise',
      query: z.strictObject({ from: s.instant().optional(), until: s.instant().optional() }),
      answers: { 200: 'Lines of JSON (application/x-ndjson)' },
      async handle({ query }) {
        const until = query.until ?? new Date()
        const from = query.from ?? new Date(until.getTime() - 86_400_000)
        if (from >= until) throw invalid('/query/until', 'must be later than from', 'out_of_order')
        const stream = { type: 'application/x-ndjson', length: null, chunks: inLines(stores.audit.export(from, until)) }
        return { status: 200, stream }
      },
    }),
  ]
}

async function* inLines(lines: AsyncIterable<AuditLine>): AsyncGenerator<Uint8Array> {
  for await (const line of lines) yield Buffer.from(`${JSON.stringify(viewLine(line))}\n`)
}
