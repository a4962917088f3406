import assert from 'node:assert/strict'

/** A field of a record as the published layout numbers its positions, from 1, both ends included. */
type Layout = Readonly<Record<string, readonly [from: number, to: number, kind: 'n' | 'a']>>

const FILE_HEADER: Layout = {
  type: [1, 1, 'n'],
  priority: [2, 3, 'n'],
  destination: [4, 13, 'a'],
  origin: [14, 23, 'a'],
  date: [24, 29, 'n'],
  time: [30, 33, 'n'],
  modifier: [34, 34, 'a'],
  recordSize: [35, 37, 'n'],
  blocking: [38, 39, 'n'],
  format: [40, 40, 'n'],
  destinationName: [41, 63, 'a'],
  originName: [64, 86, 'a'],
  reference: [87, 94, 'a'],
}
const BATCH_HEADER: Layout = {
  type: [1, 1, 'n'],
  serviceClass: [2, 4, 'n'],
  companyName: [5, 20, 'a'],
  discretionary: [21, 40, 'a'],
  companyId: [41, 50, 'a'],
  entryClass: [51, 53, 'a'],
  description: [54, 63, 'a'],
  descriptiveDate: [64, 69, 'a'],
  effectiveDate: [70, 75, 'n'],
  settlementDate: [76, 78, 'a'],
  originatorStatus: [79, 79, 'n'],
  odfi: [80, 87, 'n'],
  batch: [88, 94, 'n'],
}
const ENTRY: Layout = {
  type: [1, 1, 'n'],
  transaction: [2, 3, 'n'],
  rdfi: [4, 11, 'n'],
  checkDigit: [12, 12, 'n'],
  account: [13, 29, 'a'],
  amount: [30, 39, 'n'],
  identification: [40, 54, 'a'],
  name: [55, 76, 'a'],
  discretionary: [77, 78, 'a'],
  addenda: [79, 79, 'n'],
  trace: [80, 94, 'n'],
}
const BATCH_CONTROL: Layout = {
  type: [1, 1, 'n'],
  serviceClass: [2, 4, 'n'],
  entries: [5, 10, 'n'],
  hash: [11, 20, 'n'],
  debits: [21, 32, 'n'],
  credits: [33, 44, 'n'],
  companyId: [45, 54, 'a'],
  authentication: [55, 73, 'a'],
  reserved: [74, 79, 'a'],
  odfi: [80, 87, 'n'],
  batch: [88, 94, 'n'],
}
const FILE_CONTROL: Layout = {
  type: [1, 1, 'n'],
  batches: [2, 7, 'n'],
  blocks: [8, 13, 'n'],
  entries: [14, 21, 'n'],
  hash: [22, 31, 'n'],
  debits: [32, 43, 'n'],
  credits: [44, 55, 'n'],
  reserved: [56, 94, 'a'],
}

export type AchRecord = Readonly<Record<string, string>>

export interface ReadBatch {
  readonly header: AchRecord
  readonly entries: readonly AchRecord[]
}

/**
 * Reads an ACH file as its receiver would, knowing nothing of how it was written: by the positions of the published file format, and
 * with every sum it carries counted again. Throws AssertionError for what a bank would send back.
 */
export function readAchFile(text: string): { readonly header: AchRecord; readonly batches: readonly ReadBatch[] } {
  assert.match(text, /^[\x20-\x7e\n]+\n$/, 'printable ASCII, each record ended')
  const lines = text.slice(0, -1).split('\n')
  for (const line of lines) assert.equal(line.length, 94, `94 characters: ${line}`)
  assert.equal(lines.length % 10, 0, 'whole blocks')
  const blocks = lines.length / 10
  const filler = '9'.repeat(94)
  while (lines.at(-1) === filler) lines.pop()
  assert.ok(blocks * 10 - lines.length < 10, 'no block of nothing but filler')

  const header = fieldsOf(lines.shift()!, FILE_HEADER, '1')
  assert.deepEqual(
    [header['priority'], header['recordSize'], header['blocking'], header['format']],
    ['01', '094', '10', '1'],
  )
  assert.match(header['modifier']!, /^[A-Z0-9]$/)
  const control = fieldsOf(lines.pop()!, FILE_CONTROL, '9')

  const batches: ReadBatch[] = []
  const file = { entries: 0, hash: 0n, credits: 0n }
  while (lines.length > 0) {
    const batch = readBatch(lines)
    batches.push(batch)
    assert.equal(Number(batch.header['batch']), batches.length, 'batches are numbered in their order')
    file.entries += batch.entries.length
    for (const { rdfi, amount } of batch.entries) {
      file.hash += BigInt(rdfi!)
      file.credits += BigInt(amount!)
    }
  }
  checkControl(control, file)
  assert.deepEqual([Number(control['batches']), Number(control['blocks'])], [batches.length, blocks])
  const traces = batches.flatMap(({ entries }) => entries.map(({ trace }) => trace))
  assert.equal(new Set(traces).size, traces.length, 'no trace number twice')
  return { header, batches }
}

function readBatch(lines: string[]): ReadBatch {
  const header = fieldsOf(lines.shift()!, BATCH_HEADER, '5')
  assert.match(header['entryClass']!, /^(PPD|CCD)$/)
  assert.equal(header['serviceClass'], '220', 'credits only')
  assert.equal(header['settlementDate']!.trim(), '')
  const entries: AchRecord[] = []
  while (lines[0]?.startsWith('6')) entries.push(fieldsOf(lines.shift()!, ENTRY, '6'))
  const control = fieldsOf(lines.shift()!, BATCH_CONTROL, '8')
  const sums = { entries: entries.length, hash: 0n, credits: 0n }
  let lastTrace = ''
  for (const entry of entries) {
    const { rdfi, checkDigit, transaction, amount, account, name, addenda, trace } = entry as Record<string, string>
    const digits = `${rdfi}${checkDigit}`.split('').map(Number)
    const weighted = digits.map((digit, i) => digit * [3, 7, 1, 3, 7, 1, 3, 7, 1][i]!)
    assert.equal(weighted.reduce((a, b) => a + b) % 10, 0, `routing number ${rdfi}${checkDigit}`)
    assert.match(transaction!, /^[23][23]$/)
    assert.equal(transaction!.endsWith('3'), /^0+$/.test(amount!), 'a prenote has no amount, and nothing else has none')
    assert.ok(account!.trim() !== '' && !account!.startsWith(' '), 'the account number stands left')
    assert.ok(name!.trim() !== '' && addenda === '0')
    assert.ok(trace!.startsWith(header['odfi']!) && trace! > lastTrace, 'trace numbers go up')
    lastTrace = trace!
    sums.hash += BigInt(rdfi!)
    sums.credits += BigInt(amount!)
  }
  checkControl(control, sums)
  for (const field of ['serviceClass', 'companyId', 'odfi', 'batch']) assert.equal(control[field], header[field], field)
  return { header, entries }
}

function checkControl(control: AchRecord, sums: { entries: number; hash: bigint; credits: bigint }): void {
  assert.equal(Number(control['entries']), sums.entries)
  assert.equal(control['hash'], sums.hash.toString().slice(-10).padStart(10, '0'))
  assert.deepEqual([BigInt(control['debits']!), BigInt(control['credits']!)], [0n, sums.credits])
}

function fieldsOf(line: string, layout: Layout, type: string): AchRecord {
  const record: Record<string, string> = {}
  let next = 1
  for (const [name, [from, to, kind]] of Object.entries(layout)) {
    assert.equal(from, next, `the layout leaves nothing out before ${name}`)
    next = to + 1
    const value = line.slice(from - 1, to)
    if (kind === 'n') assert.match(value, /^\d+$/, `${name} of record ${type} is digits: “${value}”`)
    record[name] = value
  }
  assert.equal(next, 95)
  assert.equal(record['type'], type, line)
  return record
}
