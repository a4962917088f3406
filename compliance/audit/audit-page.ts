import { verify, type KeyObject } from 'node:crypto'
import type { AuditBlock, AuditLine } from '../../model/audit.ts'
import type { CallRecord, CheckRecord } from '../../model/cdr.ts'
import { DAY_MS } from '../../model/time-zone.ts'
import { blockHash, keyIdOf, lineHash } from './chain.ts'
import { inclusionProof, merkleRoot } from './merkle.ts'

/** A line with the block it is sealed in (null: in none yet) and all lines of that block. */
interface Entry {
  readonly line: AuditLine
  readonly block: AuditBlock | null
  readonly beside: readonly AuditLine[]
}

type Fact = readonly [name: string, value: string]

interface PageCheck {
  readonly check: string
  readonly rule: string
  readonly version: string
  readonly source: string
  /** What was known, and by what. */
  readonly finding: string
  readonly verdict: string
  readonly time: string
}

/** All that an auditor wants to know of one call, on a page: what was judged, by which rule in which version, from what, when, and that it is as it was written. */
export interface AuditPage {
  readonly title: string
  readonly verdict: string
  readonly facts: readonly Fact[]
  /** What it was judged by. */
  readonly inputs: readonly Fact[]
  /** In the order of precedence. */
  readonly checks: readonly PageCheck[]
  readonly seal: readonly Fact[]
}

type OfCall = Pick<CallRecord, 'state' | 'outcome' | 'sipStatus' | 'endReason' | 'dnis'>

/** `call`: null when its record is not kept any more. `keys`: who may have signed. */
export function auditPage(entry: Entry, keys: readonly KeyObject[], call: OfCall | null): AuditPage {
  const { line } = entry
  const inputs = readObject(line.inputs)
  const checks = readChecks(line.checks)
  const at = printMicros(line.atMicros)
  const { evidenceMs } = inputs
  const tookMs = typeof evidenceMs === 'number' && Math.abs(evidenceMs) < DAY_MS ? evidenceMs : 0
  const judgedAt = new Date(Number(line.atMicros / 1000n) + tookMs).toISOString()
  return {
    title: `Compliance audit of call ${line.callId}`,
    verdict: verdictOf(line, checks),
    facts: [
      ['consumer', line.number ?? (line.commitment === null ? 'withheld or unreadable' : 'erased')],
      ...(call === null ? [] : ([['dialled', call.dnis]] as Fact[])),
      ['received', at],
      ['judged', judgedAt],
      ['the call', call === null ? 'its record is not kept any more' : outcomeOf(call)],
    ],
    inputs: Object.entries(inputs).map(([name, value]): Fact => [name, printValue(value)]),
    checks: checks.map((check) => pageCheck(check, judgedAt)),
    seal: sealOf(entry, keys),
  }
}

/** `2026-11-22T07:00:00.123456Z`: to the microsecond, as it is sealed. */
export function printMicros(micros: bigint): string {
  const seconds = new Date(Number(micros / 1_000_000n) * 1000).toISOString().slice(0, 19)
  return `${seconds}.${String(micros % 1_000_000n).padStart(6, '0')}Z`
}

function verdictOf({ commitment }: AuditLine, checks: readonly CheckRecord[]): string {
  if (commitment !== null) return 'its contents were erased; the seal still covers them'
  const block = checks.find(({ effect }) => effect === 'block')
  if (block) return `refused by ${block.rule}: ${block.detail}`
  const advisory = checks.find(({ effect }) => effect === 'advisory')
  return advisory ? `may be sold; ${advisory.rule} advised against it: ${advisory.detail}` : 'may be sold'
}

function outcomeOf({ state, outcome, sipStatus, endReason }: OfCall): string {
  const parts = [outcome ?? state, sipStatus === null ? null : `SIP ${sipStatus}`, endReason]
  return parts.filter((part) => part !== null).join(', ')
}

function pageCheck(check: CheckRecord, judgedAt: string): PageCheck {
  const { evidence, detail, tookMs, version = 'the only one' } = check
  return {
    check: check.check,
    rule: check.rule,
    version,
    source: check.source,
    finding: evidence === undefined ? detail : `${detail} (known by ${evidence})`,
    verdict: check.effect === 'block' ? 'refuses' : check.effect === 'advisory' ? 'advises against' : 'allows',
    time: tookMs === undefined ? judgedAt : `${judgedAt}, asked outside for ${tookMs} ms`,
  }
}

/** What the seal says of the line, first of all whether it is still what was sealed. */
function sealOf({ line, block, beside }: Entry, keys: readonly KeyObject[]): Fact[] {
  const facts: Fact[] = [
    ['line', String(line.seq)],
    ['hash', lineHash(line).toString('hex')],
  ]
  if (block === null) return [['state', 'not sealed yet: that is done every minute'], ...facts]
  const hashes = beside.map(lineHash)
  const index = beside.findIndex(({ seq }) => seq === line.seq)
  return [
    ['state', stateOf(block, hashes, index, keys)],
    ...facts,
    ['block', `${block.no}, line ${index + 1} of its ${beside.length}`],
    ['sealed', block.sealedAt.toISOString()],
    ['root', block.root.toString('hex')],
    [
      'proof',
      inclusionProof(hashes, index)
        .map((hash) => hash.toString('hex'))
        .join(' ') || 'it is the only line',
    ],
    ['block hash', block.hash.toString('hex')],
    ['key', block.keyId],
  ]
}

function stateOf(block: AuditBlock, hashes: readonly Buffer[], index: number, keys: readonly KeyObject[]): string {
  if (index < 0 || hashes.length !== block.lines || !merkleRoot(hashes).equals(block.root))
    return 'NOT AS IT WAS SEALED: the lines of its block are not those that were sealed'
  if (!blockHash(block).equals(block.hash)) return 'NOT AS IT WAS SEALED: its block is not what was signed'
  const key = keys.find((each) => keyIdOf(each) === block.keyId)
  if (key === undefined) return `as it was sealed, by a key that is not known here: ${block.keyId}`
  if (!verify(null, block.hash, key, block.signature)) return 'NOT AS IT WAS SEALED: the signature is not its key’s'
  return 'as it was sealed; dce audit verify says whether its block is still in the chain'
}

function readObject(text: string | null): Record<string, unknown> {
  const read: unknown = text === null ? null : JSON.parse(text)
  return typeof read === 'object' && read !== null ? { ...read } : {}
}

/** As they are stored: those of long ago may lack what later ones have, and in those somebody has meddled with anything may stand. */
function readChecks(text: string | null): CheckRecord[] {
  const read: unknown = text === null ? null : JSON.parse(text)
  if (!Array.isArray(read)) return []
  const blank = { check: '', effect: 'allow', rule: '', source: '', detail: '' } as const
  return read.map((each: unknown): CheckRecord => ({ ...blank, ...textsOf(each) }))
}

function textsOf(check: unknown): Record<string, unknown> {
  if (typeof check !== 'object' || check === null) return {}
  const entries: [string, unknown][] = Object.entries(check)
  return Object.fromEntries(
    entries.map(([name, value]) => [name, typeof value === 'number' ? value : printValue(value)]),
  )
}

function printValue(value: unknown): string {
  return Array.isArray(value) ? value.join(', ') : typeof value === 'string' ? value : JSON.stringify(value)
}
