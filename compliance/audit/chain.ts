import { createPublicKey, sign, verify, type KeyObject } from 'node:crypto'
import type { AuditBlock, AuditHead, AuditLine } from '../../model/audit.ts'
import { leafHash, merkleRoot, sha256 } from './merkle.ts'

/** What is before the first block. */
export const NO_HASH = Buffer.alloc(32)

/** What a line commits to of its contents: with the salt gone, nobody can find them by trying. */
export function commitmentOf({ salt, number, inputs, checks }: AuditLine): Buffer {
  return sha256(Buffer.from(JSON.stringify([salt, number, inputs, checks])))
}

/** The hash of a line, the same before and after its erasure. */
export function lineHash(line: AuditLine): Buffer {
  const head = Buffer.from(`${line.seq} ${line.callId} ${line.atMicros} `)
  return leafHash(Buffer.concat([head, line.commitment ?? commitmentOf(line)]))
}

export function blockHash(block: Omit<AuditBlock, 'hash' | 'signature'>): Buffer {
  const { no, lastSeq, lines, root, previous, sealedAt, keyId } = block
  const parts = [no, lastSeq, lines, root.toString('hex'), previous.toString('hex'), sealedAt.getTime(), keyId]
  return sha256(Buffer.from(`dce audit block\n${parts.join(' ')}`))
}

/** The next block over the hashes of its lines. */
export function makeBlock(
  before: Pick<AuditBlock, 'no' | 'hash'> | null,
  lines: { readonly hashes: readonly Buffer[]; readonly lastSeq: bigint },
  signer: { readonly keyId: string; readonly privateKey: KeyObject },
  sealedAt: Date,
): AuditBlock {
  const block = {
    no: (before?.no ?? 0) + 1,
    lastSeq: lines.lastSeq,
    lines: lines.hashes.length,
    root: merkleRoot(lines.hashes),
    previous: before?.hash ?? NO_HASH,
    sealedAt,
    keyId: signer.keyId,
  }
  const hash = blockHash(block)
  return { ...block, hash, signature: sign(null, hash, signer.privateKey) }
}

/** How a key is named: the beginning of the SHA-256 of its SubjectPublicKeyInfo. */
export function keyIdOf(publicKey: KeyObject | string): string {
  const key = typeof publicKey === 'string' ? createPublicKey(publicKey) : publicKey
  return sha256(key.export({ type: 'spki', format: 'der' }))
    .toString('hex')
    .slice(0, 16)
}

export function headOf({ no, hash, sealedAt, signature }: AuditBlock): AuditHead {
  return {
    no,
    hash: hash.toString('hex'),
    sealedAt: sealedAt.toISOString(),
    signature: signature.toString('base64'),
  }
}

/**
 * Follows the chain block by block, each with its lines in their order, and says what is wrong in a sentence each: a line changed, added,
 * missing or moved, a block changed, missing or signed by nobody known, a tail that is gone though its head was written down outside.
 */
export class ChainCheck {
  readonly faults: string[] = []
  readonly #keys: ReadonlyMap<string, KeyObject>
  /** By number of block; several where the file says several things. */
  readonly #heads = new Map<number, AuditHead[]>()
  #before: Pick<AuditBlock, 'no' | 'hash' | 'lastSeq'> = { no: 0, hash: NO_HASH, lastSeq: 0n }
  readonly #highest: number
  /** Blocks without a head; a crash leaves the last ones so, until the next sealing. */
  readonly #headless: number[] = []
  lines = 0

  constructor(keys: readonly KeyObject[], heads: readonly AuditHead[]) {
    this.#keys = new Map(keys.map((key) => [keyIdOf(key), key]))
    this.#highest = heads.reduce((most, { no }) => Math.max(most, no), 0)
    for (const head of heads) this.#heads.set(head.no, [...(this.#heads.get(head.no) ?? []), head])
  }

  get blocks(): number {
    return this.#before.no
  }

  /** The next block, and the lines numbered after the last one's `lastSeq` up to its own. */
  next(block: AuditBlock, lines: readonly AuditLine[]): void {
    const before = this.#before
    this.lines += lines.length
    const fault = (text: string): void => void this.faults.push(`block ${block.no}: ${text}`)
    if (block.no !== before.no + 1) fault(`follows block ${before.no}: those between are missing`)
    else if (!block.previous.equals(before.hash)) fault(`does not follow from block ${before.no}`)
    if (!block.hash.equals(blockHash(block))) fault('its own fields are not those it was made of')
    const key = this.#keys.get(block.keyId)
    if (key === undefined) fault(`is signed by the key ${block.keyId}, which is not known`)
    else if (!verify(null, block.hash, key, block.signature)) fault('its signature is not its key’s')
    const range = `lines ${before.lastSeq + 1n} to ${block.lastSeq}`
    if (lines.length !== block.lines) fault(`${range}: ${lines.length} lines where ${block.lines} were sealed`)
    else if (!merkleRoot(lines.map(lineHash)).equals(block.root)) fault(`${range}: not what was sealed`)
    for (const line of lines) {
      if (line.commitment !== null && (line.checks ?? line.number ?? line.inputs ?? line.salt) !== null)
        fault(`line ${line.seq}: erased, and yet there`)
    }
    const heads = this.#heads.get(block.no)
    if (heads === undefined) this.#headless.push(block.no)
    if (heads?.some((head) => head.hash !== block.hash.toString('hex')))
      fault('is another than the one whose head was written down outside the database')
    this.#heads.delete(block.no)
    this.#before = block
  }

  /** After the last block: the heads that no block of the database belongs to, and the blocks that have none. */
  end(): readonly string[] {
    if (this.blocks > 0 && this.#highest === 0)
      this.faults.push('block 1: no head of any block is written down outside the database: a tail may be gone')
    for (const no of this.#headless)
      if (no < this.#highest) this.faults.push(`block ${no}: its head is not written down outside the database`)
    for (const no of [...this.#heads.keys()].toSorted((a, b) => a - b)) {
      if (no > this.#before.no || no < 1)
        this.faults.push(`block ${no}: gone from the database, though its head was written down outside`)
    }
    return this.faults
  }
}
