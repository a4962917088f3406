import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { ChainCheck, commitmentOf, headOf, keyIdOf, lineHash, makeBlock } from '../../../compliance/audit/chain.ts'
import type { AuditBlock, AuditHead, AuditLine } from '../../../model/audit.ts'
import type { Writable } from '../../../model/writable.ts'
import { Dice } from '../../simulation/dice.ts'

const { publicKey, privateKey } = generateKeyPairSync('ed25519')
const stranger = generateKeyPairSync('ed25519')
const signer = { keyId: keyIdOf(publicKey), privateKey }

interface Chain {
  lines: Writable<AuditLine>[]
  blocks: Writable<AuditBlock>[]
  heads: AuditHead[]
}

const hex = (n: number): string => n.toString(16).padStart(12, '0')

function aLine(seq: number): AuditLine {
  return {
    seq: BigInt(seq),
    callId: `01900000-0000-7000-8000-${hex(seq)}`,
    atMicros: 1_763_000_000_000_000n + BigInt(seq) * 1000n,
    number: seq % 5 === 0 ? null : `+1212555${String(seq).padStart(4, '0')}`,
    inputs: '{"leg": "inbound"}',
    checks: `[{"rule": "calling-hours:US", "effect": "allow", "detail": "${seq}"}]`,
    salt: `5a170000-0000-4000-8000-${hex(seq)}`,
    commitment: null,
  }
}

function erase(line: Writable<AuditLine>): void {
  line.commitment = commitmentOf(line)
  Object.assign(line, { number: null, inputs: null, checks: null, salt: null })
}

/** Lines with gaps in their numbers (as rolled back writings leave them), sealed in blocks of uneven size. */
function aChain(dice: Dice): Chain {
  const lines: AuditLine[] = []
  for (let seq = 1; lines.length < 20; seq++) if (dice.roll(10) > 0) lines.push(aLine(seq))
  const blocks: AuditBlock[] = []
  for (let from = 0; from < lines.length;) {
    const some = lines.slice(from, (from += 1 + dice.roll(6)))
    const sealed = { hashes: some.map(lineHash), lastSeq: some.at(-1)!.seq }
    blocks.push(makeBlock(blocks.at(-1) ?? null, sealed, signer, new Date(1_763_000_000_000 + blocks.length)))
  }
  return { lines: [...lines], blocks: [...blocks], heads: blocks.map(headOf) }
}

function copyOf({ lines, blocks, heads }: Chain): Chain {
  return { lines: lines.map((line) => ({ ...line })), blocks: blocks.map((block) => ({ ...block })), heads: [...heads] }
}

function check({ lines, blocks, heads }: Chain): readonly string[] {
  const checking = new ChainCheck([publicKey], heads)
  let after = 0n
  for (const block of blocks.toSorted((a, b) => a.no - b.no)) {
    // As a database answers: whatever is numbered so, in the order of the numbers.
    const own = lines.filter(({ seq }) => seq > after && seq <= block.lastSeq)
    checking.next(
      block,
      own.toSorted((a, b) => Number(a.seq - b.seq)),
    )
    after = block.lastSeq
  }
  return checking.end()
}

/** Everything somebody with the database in hand, but neither the key nor the file of heads, might do. */
const TAMPERINGS: Readonly<Record<string, (chain: Chain, dice: Dice) => void>> = {
  'changes a number': ({ lines }, dice) => (dice.pick(lines).number = '+19995550100'),
  'changes a verdict': ({ lines }, dice) => {
    const line = dice.pick(lines)
    line.checks = line.checks!.replace('allow', 'block')
  },
  'changes what it was judged by': ({ lines }, dice) => (dice.pick(lines).inputs = '{"leg": "outbound"}'),
  'changes a time': ({ lines }, dice) => (dice.pick(lines).atMicros += 1n),
  'gives a line to another call': ({ lines }, dice) => (dice.pick(lines).callId = aLine(9999).callId),
  'changes a salt': ({ lines }, dice) => (dice.pick(lines).salt = aLine(9999).salt),
  'deletes a line': ({ lines }, dice) => void lines.splice(dice.roll(lines.length), 1),
  'deletes a run of lines': ({ lines }, dice) => void lines.splice(dice.roll(lines.length), 1 + dice.roll(5)),
  'adds a line': ({ lines, blocks }, dice) =>
    void lines.push({ ...aLine(9999), seq: 1n + BigInt(dice.roll(Number(blocks.at(-1)!.lastSeq))) }),
  'swaps two lines': ({ lines }, dice) => {
    const a = dice.roll(lines.length)
    const b = (a + 1 + dice.roll(lines.length - 1)) % lines.length
    ;[lines[a]!.seq, lines[b]!.seq] = [lines[b]!.seq, lines[a]!.seq]
  },
  'erases a line to something else': ({ lines }, dice) => {
    const line = dice.pick(lines)
    line.checks = '[]'
    erase(line)
  },
  'fills an erased line': ({ lines }, dice) => {
    const line = dice.pick(lines)
    erase(line)
    line.checks = '[]'
  },
  'moves the end of a block': ({ blocks }, dice) => (dice.pick(blocks).lastSeq += BigInt(1 + dice.roll(3))),
  'changes a root': ({ blocks }, dice) => (dice.pick(blocks).root = Buffer.alloc(32, dice.roll(256))),
  'changes when a block was sealed': ({ blocks }, dice) => (dice.pick(blocks).sealedAt = new Date(0)),
  'deletes a block': ({ blocks }, dice) => void blocks.splice(dice.roll(blocks.length), 1),
  'cuts the tail off': ({ blocks, lines }, dice) => {
    const kept = dice.roll(blocks.length)
    blocks.length = kept
    const last = blocks.at(-1)?.lastSeq ?? 0n
    lines.splice(0, lines.length, ...lines.filter(({ seq }) => seq <= last))
  },
  'makes the tail anew with a key of its own': ({ blocks, lines }, dice) => {
    const from = dice.roll(blocks.length)
    let after = blocks[from - 1]?.lastSeq ?? 0n
    lines.find(({ seq }) => seq > after)!.number = '+19995550100'
    const forger = {
      keyId: dice.roll(2) === 0 ? signer.keyId : keyIdOf(stranger.publicKey),
      privateKey: stranger.privateKey,
    }
    for (let i = from; i < blocks.length; i++) {
      const { lastSeq, sealedAt } = blocks[i]!
      const hashes = lines.filter(({ seq }) => seq > after && seq <= lastSeq).map(lineHash)
      blocks[i] = makeBlock(blocks[i - 1] ?? null, { hashes, lastSeq }, forger, sealedAt)
      after = lastSeq
    }
  },
  'has the key, and makes the tail anew': ({ blocks, lines }, dice) => {
    const from = dice.roll(blocks.length)
    let after = blocks[from - 1]?.lastSeq ?? 0n
    lines.find(({ seq }) => seq > after)!.number = '+19995550100'
    for (let i = from; i < blocks.length; i++) {
      const { lastSeq, sealedAt } = blocks[i]!
      const hashes = lines.filter(({ seq }) => seq > after && seq <= lastSeq).map(lineHash)
      blocks[i] = makeBlock(blocks[i - 1] ?? null, { hashes, lastSeq }, signer, sealedAt)
      after = lastSeq
    }
  },
}

describe('the chain of the audit', () => {
  const dice = new Dice()

  it('is whole as it was sealed, with gaps in its numbers, and after any erasures', () => {
    for (let i = 0; i < 200; i++) {
      const chain = aChain(dice)
      assert.deepEqual(check(chain), [], `seed ${dice.seed}`)
      for (const line of chain.lines) if (dice.roll(3) === 0) erase(line)
      assert.deepEqual(check(chain), [], `seed ${dice.seed}`)
      // What is not sealed yet is not judged; the last heads may not have been written down yet, others must.
      chain.lines.push(aLine(5000))
      chain.heads.length -= dice.roll(chain.heads.length)
      assert.deepEqual(check(chain), [], `seed ${dice.seed}`)
      if (chain.heads.length > 1) {
        chain.heads.splice(dice.roll(chain.heads.length - 1), 1)
        assert.match(check(chain).join(), /^block \d+: its head is not written down outside the database$/)
      }
      chain.heads.length = 0
      assert.match(check(chain).join(), /no head of any block/)
    }
  })

  it('shows 10,000 tamperings of every kind, each by a sentence that names the block', function () {
    this.timeout(300_000)
    const kinds = Object.keys(TAMPERINGS)
    const unnoticed: string[] = []
    // Sealing one takes longer than finding out: each is tampered with in several ways.
    let sealed = aChain(dice)
    for (let i = 0; i < 10_000; i++) {
      const kind = kinds[i % kinds.length]!
      if (i % 7 === 0) sealed = aChain(dice)
      const chain = copyOf(sealed)
      TAMPERINGS[kind]!(chain, dice)
      const faults = check(chain)
      if (faults.length === 0 || !faults.every((fault) => /^block \d+: ./.test(fault)))
        unnoticed.push(`${kind} (seed ${dice.seed}, ${i}): ${faults.join('; ')}`)
    }
    assert.deepEqual(unnoticed, [])
  })
})
